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
  ///   - whenEnded: called on the loop's thread when the last of them is closed, or traced no longer, and no more are to
  ///     come: all were accepted, the listener was closed, or its loop stops.
  public func trace(
    to trace: HandoffTrace,
    connections: Int = .max,
    whenEnded: @escaping @Sendable () -> Void = {}
  ) {
    let address = address
    socket.perform { socket in
      guard connections > 0, socket.phase == .open else { return whenEnded() }
      socket.observer = ListenerTrace(trace, connections, of: address, whenEnded: whenEnded)
    }
  }

  /// Traces no more connections than those which are being traced.
  public func stopTracing() {
    socket.perform { $0.observer = nil }
  }
}
