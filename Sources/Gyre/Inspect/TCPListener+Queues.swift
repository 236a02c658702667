import CLiburing
import Glibc

extension TCPListener {
  /// How many connections wait at this listener now.
  ///
  /// Callable from any thread; suspends nobody and involves no loop. Costs two system calls, about 0.9 µs.
  /// - Throws: `SocketError` with the errno: `EBADF` if the listener was closed. `tcp(7)`
  public var queues: ListenerQueues {
    get throws(SocketError) {
      do throws(Errno) {
        let accepted = socket.acceptedCount.load(ordering: .relaxed)
        // A listener never has a direct descriptor.
        return try socket.ordinary.use { number throws(Errno) in try ListenerQueues(of: number, accepted: accepted) }!
      } catch {
        throw SocketError(error, .option, address)
      }
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
