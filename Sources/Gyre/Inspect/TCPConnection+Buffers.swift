import CLiburing
import Glibc

extension TCPConnection {
  /// Where the connection's bytes are now.
  ///
  /// Callable from any task. Costs four system calls, about 2 µs, and involves no loop: except at the first call for a
  /// connection that has only a direct descriptor, which gets an ordinary one installed beside it by one hop to the loop and
  /// keeps it until it is closed.
  /// - Throws: `SocketError` with the errno: `EBADF` if the connection was closed, `EMFILE` if there is no descriptor to
  ///   install; `CancellationError` if the task was cancelled and there was none yet. `tcp(7)`
  public var buffers: ConnectionBuffers {
    get async throws {
      let socket = socket
      let read: @Sendable (Int32) throws(Errno) -> ConnectionBuffers = { number throws(Errno) in
        try ConnectionBuffers(of: number, received: socket.arrivedBytes)
      }
      do throws(Errno) {
        if let buffers = try socket.ordinary.use(read) { return buffers }
      } catch {
        throw SocketError(error, .option, socket.peer)
      }
      return try await withOrdinary(.option, read)
    }
  }
}

extension ConnectionBuffers {
  /// - Parameters:
  ///   - room: bytes of `TCP_INFO` to ask for, for what older kernels answer.
  init(of number: Int32, received: Int, room: Int = MemoryLayout<gyre_tcp_info>.size) throws(Errno) {
    let sendQueue = try SystemSocket.queueLength(UInt(GYRE_SIOCOUTQ), of: number)
    let receiveQueue = try SystemSocket.queueLength(UInt(GYRE_SIOCINQ), of: number)
    let info = try TCPInfo(of: number, room: room)
    let memory = SocketMemory(of: number)
    let unsent = info.unsent.map { Int($0) }
    self.init(
      receiveQueue: receiveQueue,
      received: received,
      receiveWindow: info.receiveWindow.map { Int($0) },
      receiveBufferSize: memory.receiveLimit,
      delayedAcknowledgement: .microseconds(info.fields.tcpi_ato),
      sendQueue: sendQueue,
      unsent: unsent,
      // Between the two questions the kernel may have queued more.
      unacknowledged: unsent.map { max(0, sendQueue - $0) },
      sendWindow: info.sendWindow.map { Int($0) },
      sendBufferSize: memory.sendLimit,
      congestionWindow: Int(info.fields.tcpi_snd_cwnd),
      segmentSize: Int(info.fields.tcpi_snd_mss),
      roundTripTime: .microseconds(info.fields.tcpi_rtt),
      roundTripVariation: .microseconds(info.fields.tcpi_rttvar),
      retransmissions: Int(info.fields.tcpi_total_retrans),
      busy: info.busyTime.map { .microseconds($0) },
      stalledByReceiver: info.receiverLimited.map { .microseconds($0) },
      stalledBySendBuffer: info.sendBufferLimited.map { .microseconds($0) }
    )
  }
}
