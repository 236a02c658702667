import CLiburing
import Glibc

/// A system call's error number. `errno(3)`
///
/// The shape is that of swift-system's `Errno`, which cannot be used here: its C module and liburing's header define
/// `struct io_uring_sqe` differently, and one module cannot import both (docs/decisions.md).
public struct Errno: RawRepresentable, Hashable, Sendable, Error, CustomStringConvertible {
  /// The number, positive.
  public let rawValue: Int32

  /// The error of this number.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The error of the last system call on this thread.
  static var current: Errno { Errno(rawValue: errno) }

  /// The name and the text: `ECONNRESET (Connection reset by peer)`.
  public var description: String {
    let text = gyre_errno_text(rawValue).map { String(cString: $0) } ?? "unknown error"
    return "\(name) (\(text))"
  }

  /// The name as the manual pages have it: `ECONNRESET`.
  public var name: String { gyre_errno_name(rawValue).map { String(cString: $0) } ?? "errno \(rawValue)" }
}

extension Errno {
  /// `EPERM`
  public static var notPermitted: Errno { Errno(rawValue: EPERM) }
  /// `EACCES`
  public static var permissionDenied: Errno { Errno(rawValue: EACCES) }
  /// `EBADF`: among others, an operation on a connection that this program has closed.
  public static var badFileDescriptor: Errno { Errno(rawValue: EBADF) }
  /// `EBUSY`: among others, a second receive while one is waiting.
  public static var busy: Errno { Errno(rawValue: EBUSY) }
  /// `EINVAL`
  public static var invalidArgument: Errno { Errno(rawValue: EINVAL) }
  /// `ENOMEM`
  public static var noMemory: Errno { Errno(rawValue: ENOMEM) }
  /// `ENOSYS`
  public static var noFunction: Errno { Errno(rawValue: ENOSYS) }
  /// `EMFILE`: this process's limit of open files is reached.
  public static var tooManyOpenFiles: Errno { Errno(rawValue: EMFILE) }
  /// `EADDRINUSE`
  public static var addressInUse: Errno { Errno(rawValue: EADDRINUSE) }
  /// `ECONNREFUSED`
  public static var connectionRefused: Errno { Errno(rawValue: ECONNREFUSED) }
  /// `ECONNRESET`
  public static var connectionReset: Errno { Errno(rawValue: ECONNRESET) }
  /// `EPIPE`: the peer, or this side's half-close, ended the direction that was written to.
  public static var brokenPipe: Errno { Errno(rawValue: EPIPE) }
  /// `ETIMEDOUT`
  public static var timedOut: Errno { Errno(rawValue: ETIMEDOUT) }
  /// `ECANCELED`
  public static var canceled: Errno { Errno(rawValue: ECANCELED) }
  /// `ESHUTDOWN`: among others, an operation on a loop that has stopped.
  public static var shutDown: Errno { Errno(rawValue: ESHUTDOWN) }
}
