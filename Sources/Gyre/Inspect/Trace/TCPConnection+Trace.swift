extension TCPConnection {
  /// Records the connection's hand-offs from now on, until it is closed or moves to another loop.
  ///
  /// Returns at once, from any thread; off the connection's loop it begins with the loop's next turn. A second call ends the
  /// first. Installs an ordinary descriptor beside a direct one.
  public func trace(to trace: HandoffTrace) {
    socket.perform { socket in
      if socket.phase == .open { ConnectionTrace(trace).begin(on: socket) }
    }
  }

  /// Records the connection's hand-offs no longer.
  public func stopTracing() {
    socket.perform { $0.observer = nil }
  }
}
