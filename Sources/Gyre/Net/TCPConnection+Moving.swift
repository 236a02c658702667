extension TCPConnection {
  /// Moves the connection to another loop, which does its I/O from then on, and returns it there.
  ///
  /// What the kernel was receiving is cancelled and waited for; what had arrived goes along, in order, before anything that
  /// arrives later. The loops may have different backends. Use the returned connection: operations on the old one throw
  /// `SocketError` with `EBADF`, and closing it does nothing. Chunks received before stay valid.
  ///
  /// Costs a hop to the old loop and back, one or two operations in the kernel, and a copy of the bytes that had arrived.
  /// A direct descriptor becomes an ordinary one. To hand over fresh connections, give their listener a loop with
  /// `EventLoop.Configuration.directDescriptors` of 0: nothing is in flight then, and nothing has to be installed.
  ///
  /// - Parameter loop: where the connection is to live. Its own loop is fine: then nothing happens.
  /// - Throws: `SocketError` with `EBUSY` if a task waits in one of its operations, or with `EMFILE` if a direct descriptor
  ///   finds no number; `CancellationError` if the task was cancelled first. The connection stays where it is then. Once
  ///   it has left its loop nothing fails; a loop that has stopped refuses its operations as it does all others.
  ///   `IORING_OP_FIXED_FD_INSTALL`, `epoll_ctl(2)`
  public consuming func move(to loop: EventLoop) async throws -> TCPConnection {
    if loop === self.loop { return self }
    // A direct descriptor gets its ordinary one while failing does no harm.
    try await withOrdinary(.move) { _ in }
    switch await socket.leave() {
    case .success(let departing): return await TCPConnection.arrive(departing, on: loop)
    case .failure(let errno): throw SocketError(errno, .move, socket.peer)
    }
  }

  /// Makes a connection of what has left another loop.
  private static func arrive(_ departing: DepartingSocket, on loop: EventLoop) async -> TCPConnection {
    SystemSocket.setFlags(loop.driver.socketFlags, on: departing.number)
    let socket = StreamSocket(loop: loop, descriptor: .ordinary(departing.number), peer: departing.peer)
    await withUnsafeContinuation { continuation in
      let isAccepted = loop.perform {
        socket.restore(departing)
        continuation.resume()
      }
      if !isAccepted { continuation.resume() }
    }
    noteResumed()
    return TCPConnection(socket)
  }

  /// Makes a connection of a connected socket that came from another process.
  static func adopt(_ number: Int32, on loop: EventLoop) -> TCPConnection {
    SystemSocket.setFlags(loop.driver.socketFlags, on: number)
    return TCPConnection(StreamSocket(loop: loop, descriptor: .ordinary(number)))
  }
}
