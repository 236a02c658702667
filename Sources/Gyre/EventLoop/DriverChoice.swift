import Logging
import Synchronization

/// Picks a driver as the configuration and the kernel allow.
enum DriverChoice {
  /// Said once a process, however many loops fall back.
  private static let saidWhy = Atomic<Bool>(false)

  static func makeDriver(_ configuration: EventLoop.Configuration) throws -> any Driver {
    switch try configuration.backend.resolved() {
    case .epoll: return try makeEpoll(configuration)
    case .uring: return try makeURing(configuration)
    case .automatic:
      do {
        return try makeURing(configuration)
      } catch  where fallsBack(error.errno) {
        sayOnce(error)
        return try makeEpoll(configuration)
      }
    }
  }

  private static func makeURing(_ configuration: EventLoop.Configuration) throws(BackendError) -> any Driver {
    do {
      return try URingDriver(configuration: configuration)
    } catch {
      throw BackendError(backend: .uring, errno: error)
    }
  }

  private static func makeEpoll(_ configuration: EventLoop.Configuration) throws(BackendError) -> any Driver {
    do {
      return try EpollDriver(configuration: configuration)
    } catch {
      throw BackendError(backend: .epoll, errno: error)
    }
  }

  /// Whether an error means that io_uring is not to be had here, rather than that this process is out of descriptors.
  static func fallsBack(_ errno: Errno) -> Bool {
    errno != .tooManyOpenFiles && errno != Errno(rawValue: 23)
  }

  private static func sayOnce(_ error: BackendError) {
    guard !saidWhy.exchange(true, ordering: .relaxed) else { return }
    Logger(label: "gyre").notice("using epoll: \(error)")
  }
}
