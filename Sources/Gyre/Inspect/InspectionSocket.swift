import CLiburing
import Glibc

/// A Unix socket at which a program tells what waits in its loops, to whoever may open it: `gyre watch --inspect PATH`.
///
/// Each connection gets one JSON object and the end of the stream: `{"pid": …, "loops": [{"backend": …, "queues": {…}}]}`,
/// the queues with the names of `LoopQueues`. Only the program's own user may connect. Nothing is sampled while nobody
/// connects; a sample costs each loop one hop. `unix(7)`
public final class InspectionSocket: Sendable {
  /// Where the socket is.
  public let path: String

  private let listener: Int32
  private let loops: [EventLoop]
  /// While it is locked, the descriptor is the socket's: the thread closes it only after it has seen that this is true.
  private let isClosed = Locked(false)

  /// Begins to answer, on a thread of its own.
  ///
  /// - Parameters:
  ///   - path: at most 107 bytes. A socket there that nobody listens on any more is replaced.
  ///   - loops: those to tell of. They are referred to until `close`.
  /// - Throws: the errno of `socket(2)`, `bind(2)` or `listen(2)`: `EADDRINUSE` if somebody listens there, or if something
  ///   else than a socket is there; `ENAMETOOLONG`; `EAGAIN` if there is no thread.
  public init(path: String, loops: [EventLoop]) throws(Errno) {
    self.path = path
    self.loops = loops
    listener = try InspectionSocket.listen(at: path)
    // The thread holds the object until `close` has ended it.
    guard let error = Thread.start(name: "gyre-inspect", { self.run() }) else { return }
    unlink(path)
    Glibc.close(listener)
    throw error
  }

  /// Stops answering and removes the socket. Closing twice is fine.
  public func close() {
    isClosed.withLock { isClosed in
      if isClosed { return }
      isClosed = true
      unlink(path)
      // Ends the thread's accept(2), and the thread with it.
      Glibc.shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  private func run() {
    while true {
      let client = gyre_accept(listener, Int32(SOCK_CLOEXEC.rawValue))
      if client >= 0 {
        answer(client)
        Glibc.close(client)
      } else if isClosed.withLock({ $0 }) {
        Glibc.close(listener)
        return
      } else if errno != EINTR {
        // Out of descriptors, most likely: there will be some again.
        usleep(100_000)
      }
    }
  }

  /// One client after the other: a loop that is busy makes them wait.
  private func answer(_ client: Int32) {
    let queues = Outcome<[LoopQueues?]>()
    let isThere = Semaphore()
    let loops = loops
    Task.detached {
      var all: [LoopQueues?] = []
      for loop in loops { all.append(try? await loop.queues) }
      queues.set(.success(all))
      isThere.signal()
    }
    isThere.wait()
    let parts = zip(loops, (try? queues.get()) ?? []).compactMap { loop, queues in
      queues.map { "{\"backend\":\"\(loop.backend.rawValue)\",\"queues\":\($0.json)}" }
    }
    var text = "{\"pid\":\(getpid()),\"loops\":[\(parts.joined(separator: ","))]}\n"
    // As a rule far less than a socket's buffer takes, so it does not wait for the client; and for none that never reads.
    InspectionSocket.limitWaiting(client, SO_SNDTIMEO, nanoseconds: 2_000_000_000)
    text.withUTF8 { _ = Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  private static func listen(at path: String) throws(Errno) -> Int32 {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    if number < 0 { throw .current }
    do throws(Errno) {
      // The mode that the file is made with: its own user's alone.
      if fchmod(number, 0o600) != 0 { throw .current }
      try bind(number, to: path)
      if Glibc.listen(number, 8) != 0 { throw .current }
      return number
    } catch {
      Glibc.close(number)
      throw error
    }
  }

  private static func bind(_ number: Int32, to path: String) throws(Errno) {
    let address = try UnixPath(path)
    if address.with({ Glibc.bind(number, $0, $1) }) == 0 { return }
    let error = Errno.current
    guard error == .addressInUse, isAbandoned(path, address), unlink(path) == 0 else { throw error }
    if address.with({ Glibc.bind(number, $0, $1) }) != 0 { throw .current }
  }

  /// Whether there is a socket of which the program has ended.
  private static func isAbandoned(_ path: String, _ address: UnixPath) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return false }
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { Glibc.close(number) }
    return address.with({ Glibc.connect(number, $0, $1) }) != 0 && errno == ECONNREFUSED
  }
}
