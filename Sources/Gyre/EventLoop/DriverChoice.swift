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
      } catch  where fallsBack(error) {
        sayOnce(error)
        return try makeEpoll(configuration)
      }
    }
  }

  private static func makeURing(_ configuration: EventLoop.Configuration) throws(BackendError) -> any Driver {
    let buffers = try makeBuffers(for: .uring, configuration)
    do {
      return try URingDriver(configuration: configuration, buffers: buffers)
    } catch {
      throw BackendError(backend: .uring, errno: error)
    }
  }

  private static func makeEpoll(_ configuration: EventLoop.Configuration) throws(BackendError) -> any Driver {
    let buffers = try makeBuffers(for: .epoll, configuration)
    do {
      return try EpollDriver(configuration: configuration, buffers: buffers)
    } catch {
      throw BackendError(backend: .epoll, errno: error)
    }
  }

  /// First of all: what maps memory and what locks it fails with the same errno, for different reasons.
  private static func makeBuffers(
    for backend: Backend,
    _ configuration: EventLoop.Configuration
  ) throws(BackendError) -> BufferPool {
    let (count, size) = (configuration.bufferCount, configuration.bufferSize)
    do {
      let buffers = try BufferPool(count: count, size: size)
      if backend == .uring { try buffers.makeRing() }
      return buffers
    } catch {
      throw BackendError(backend: backend, errno: error, unmapped: (count, size))
    }
  }

  /// Whether an error means that io_uring is not to be had here, rather than that this process is out of descriptors.
  static func fallsBack(_ errno: Errno) -> Bool {
    errno != .tooManyOpenFiles && errno != Errno(rawValue: 23)
  }

  /// The same, of an error that may be about the loop's buffers, which every backend has.
  static func fallsBack(_ error: BackendError) -> Bool { error.unmapped == nil && fallsBack(error.errno) }

  private static func sayOnce(_ error: BackendError) {
    guard !saidWhy.exchange(true, ordering: .relaxed) else { return }
    Logger(label: "gyre").notice("using epoll: \(error)")
  }
}
