import Glibc

/// How a process ended. `waitpid(2)`
public enum ProcessExit: Hashable, Sendable, CustomStringConvertible {
  /// It exited by itself, with a status from 0 to 255.
  case exited(Int32)
  /// A signal ended it.
  case signaled(Int32)

  /// - Parameter status: as `waitpid(2)` reports it.
  init(status: Int32) {
    let signal = status & 0x7f
    self = signal == 0 ? .exited(status >> 8 & 0xff) : .signaled(signal)
  }

  /// For example `exit status 1` or `signal 9 (Killed)`.
  public var description: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .signaled(let number): "signal \(number) (\(strsignal(number).map { String(cString: $0) } ?? "unknown"))"
    }
  }
}
