extension TCPListener {
  /// Records the hand-offs of the next connections that the listener accepts, each until it is closed.
  ///
  /// Returns at once, from any thread; off the listener's loop it begins with the loop's next turn. A second call ends the
  /// first, whose connections are traced to their end. Each traced connection costs some microseconds when it is accepted,
  /// for what the kernel is asked, and 0.5 ms every 10 ms at most for the SYN queue.
  ///
  /// - Parameters:
  ///   - trace: where to record them.
  ///   - connections: how many. Default: all.
  ///   - whenEnded: called once, when the last of them is closed, or traced no longer, and no more are to come: all were
  ///     accepted, the listener was closed, or its loop stops. Never from within this call or another one of Gyre's; on the
  ///     loop's thread, or on one for such stragglers if the loop had stopped before.
  public func trace(
    to trace: HandoffTrace,
    connections: Int = .max,
    whenEnded: @escaping @Sendable () -> Void = {}
  ) {
    let address = address
    let isTaken = socket.perform { socket in
      if connections > 0, socket.refusal == nil {
        ListenerTrace(trace, connections, of: address, whenEnded: whenEnded).begin(on: socket)
      } else if socket.loop.isStopping {
        // Who begins the next trace when one has ended must not keep a stopped loop.
        Stragglers.run(whenEnded)
      } else {
        socket.loop.performLater(whenEnded)
      }
    }
    if !isTaken { Stragglers.run(whenEnded) }
  }

  /// Traces no more connections than those which are being traced.
  public func stopTracing() {
    socket.perform { $0.observer = nil }
  }
}
