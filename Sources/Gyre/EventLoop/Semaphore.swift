import CLiburing
import Glibc

// @unchecked: the semaphore is made for use from several threads, and its memory is freed by the last reference.
/// Blocks one thread until another signals. Never used on a loop. `sem_wait(3)`
final class Semaphore: @unchecked Sendable {
  // At one address from `init` to `deinit`, as sem_init(3) demands.
  private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  init() { sem_init(semaphore, 0, 0) }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func signal() { sem_post(semaphore) }

  /// Whether it was signalled before the time ran out.
  func wait(nanoseconds: UInt64) -> Bool { gyre_semaphore_wait(semaphore, nanoseconds) != 0 }

  func wait() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
  }
}
