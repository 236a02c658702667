import Glibc
import Gyre

/// What to watch.
enum WatchTarget: Equatable {
  /// Every listener of the host.
  case host
  /// The listeners on a port.
  case port(UInt16)
  /// The listeners of a process.
  case process(Int32)

  /// What a number on the command line means: a port on which something listens, or else a process.
  ///
  /// - Parameter isProcess: whether it is said to be a process.
  /// - Throws: `WatchError` if it is neither, or a process without a listener.
  init(number: Int32, isProcess: Bool) throws {
    let listeners = try SocketDiagnostics.tcpSockets(in: .listening)
    if !isProcess, let port = UInt16(exactly: number), listeners.contains(where: { $0.local.port == port }) {
      self = .port(port)
      return
    }
    guard let name = SocketOwners.name(of: number) else {
      throw isProcess ? WatchError.noProcess(number) : WatchError.noSuchThing(number)
    }
    guard let sockets = SocketOwners.of(number) else { throw WatchError.hidden(number, name, Errno(rawValue: errno)) }
    guard listeners.contains(where: { !sockets.processes(of: $0.inode).isEmpty }) else {
      throw WatchError.noListener(number, name)
    }
    self = .process(number)
  }
}

/// Why there is nothing to watch.
enum WatchError: Error, CustomStringConvertible {
  case noSuchThing(Int32)
  case noProcess(Int32)
  case noListener(Int32, String)
  case hidden(Int32, String, Errno)
  case noDiagnostics(Errno)
  case noAnswer(String, String)

  var description: String {
    switch self {
    case .noSuchThing(let number):
      "nothing listens on port \(number), and there is no process \(number). `gyre watch` without a number lists all "
        + "listeners."
    case .noProcess(let number): "there is no process \(number)"
    case .noListener(let number, let name): "process \(number) (\(name)) listens on no TCP port"
    case .hidden(let number, let name, let errno):
      "process \(number) (\(name)) cannot be looked into: \(errno). Watch it by its port, or as its user or root."
    case .noAnswer(let path, let reason):
      "\(path) does not answer: \(reason). A Gyre program offers it, such as `gyre echo --inspect \(path)`."
    case .noDiagnostics(let errno):
      "the kernel gives no socket diagnostics: \(errno). They are Linux's tcp_diag: `modprobe tcp_diag` loads it where it "
        + "is a module; some containers' kernels have none."
    }
  }
}
