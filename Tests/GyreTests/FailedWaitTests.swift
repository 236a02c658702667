import CLiburing
import Glibc
import Testing

@testable import Gyre

/// Waits for the kernel that fail, from outside: somebody closes what is the driver's.
@Suite(.serialized)
struct FailedWaitTests {
  /// The loop does not spin, its timers go on, and all is well when the wait is.
  @Test(arguments: Backends.available)
  func aWaitThatFailsMakesNoLoopSpin(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        let restore = FailedWaitTests.breakWaits(of: loop.driver)
        let turns = loop.counters.turns
        try await loop.sleep(for: .milliseconds(100))
        #expect(loop.driver.counters.failedWaits > 0)
        #expect(loop.counters.turns - turns < 1000, "it spins")
        restore()
        try await pair.client.send("all is well")
        #expect(try await pair.server.receive(exactly: 11).count == 11)
      }
    }
  }

  /// Makes a driver's waits fail with `EBADF`, until the returned function is called. Both on the loop's thread.
  private static func breakWaits(of driver: any Driver) -> () -> Void {
    if let driver = driver as? URingDriver {
      let ring = driver.ring.raw
      #expect(io_uring_unregister_ring_fd(ring) == 1)
      return { #expect(io_uring_register_ring_fd(ring) == 1) }
    }
    let number = (driver as! EpollDriver).descriptor
    let kept = fcntl(number, F_DUPFD_CLOEXEC, 0)
    close(number)
    return {
      dup2(kept, number)
      close(kept)
    }
  }
}
