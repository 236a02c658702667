import CLiburing
import Glibc

extension TCPListener {
  /// How many connections wait at this listener now.
  ///
  /// Callable from any thread; suspends nobody and involves no loop. Costs two system calls, about 0.9 µs.
  /// - Throws: `SocketError` with the errno: `EBADF` if the listener was closed. `tcp(7)`
  public var queues: ListenerQueues {
    get throws(SocketError) { try queues(including: []) }
  }

  /// How many connections wait at this listener now, with what costs more to find out.
  ///
  /// Callable from any thread, which it keeps for as long as the extras say: on a loop's own thread, ask seldom.
  /// - Throws: `SocketError` with the errno: `EBADF` if the listener was closed, `EPROTONOSUPPORT` or `ENOENT` where the
  ///   kernel has no socket diagnostics or no `/proc`, for the extras that need them. `tcp(7)`, `sock_diag(7)`, `proc(5)`
  public func queues(including extras: ListenerQueues.Extras) throws(SocketError) -> ListenerQueues {
    do throws(Errno) {
      let accepted = socket.acceptedCount
      // A listener never has a direct descriptor.
      var queues = try socket.ordinary.use { number throws(Errno) in
        try ListenerQueues(of: number, accepted: accepted)
      }!
      if extras.contains(.synQueue) { queues.synQueue = try SocketDiagnostics.synQueueLength(of: address) }
      if extras.contains(.host) { queues.host = try HostDrops.current() }
      return queues
    } catch {
      throw SocketError(error, .option, address)
    }
  }
}

extension ListenerQueues {
  fileprivate init(of number: Int32, accepted: Int) throws(Errno) {
    let info = try TCPInfo(of: number)
    self.init(
      acceptQueue: Int(info.fields.tcpi_unacked),
      acceptQueueLimit: Int(info.fields.tcpi_sacked),
      accepted: accepted,
      drops: SocketMemory(of: number).drops
    )
  }
}
