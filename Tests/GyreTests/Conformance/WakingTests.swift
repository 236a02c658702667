import Testing

@testable import Gyre

/// Who wakes a loop that waits.
@Suite(.serialized)
struct WakingTests {
  /// A wake from ring to ring goes out when its sender submits, which may be long after. Whoever else has something for the
  /// loop does not wait for that.
  @Test(arguments: Backends.available)
  func nobodyWaitsForAnotherLoopsWake(_ backend: Backend) async throws {
    try await withLoops([backend, backend]) { loops in
      let (sender, receiver) = (loops[0], loops[1])
      for _ in 0..<20 {
        let (isPut, hasRun) = (Ending(), Semaphore())
        Task.detached {
          await isPut.wait()
          receiver.perform { hasRun.signal() }
        }
        // Lets the receiver park.
        try await sender.sleep(for: .milliseconds(2))
        receiver.perform {}
        isPut.end()
        // The sender submits nothing until the third party's work has run.
        #expect(hasRun.wait(nanoseconds: 20_000_000_000))
      }
    }
  }

  @Test
  func theFirstWakesAndOneMoreIfTheFirstMayTakeLong() {
    let inbox = Inbox()
    #expect(inbox.put(.work {}, callingLater: nil) == .stored, "the loop is awake")
    var items: [Inbox.Item] = []
    inbox.takeAll(&items)
    #expect(inbox.park())
    #expect(inbox.put(.work {}, callingLater: 1) == .wake)
    #expect(inbox.put(.work {}, callingLater: 1) == .stored, "its own message is on its way")
    #expect(inbox.put(.work {}, callingLater: 2) == .wakeAtOnce)
    #expect(inbox.put(.work {}, callingLater: nil) == .stored, "somebody has woken it")
    inbox.takeAll(&items)
    items = []
    inbox.takeAll(&items)
    #expect(inbox.park())
    #expect(inbox.put(.work {}, callingLater: nil) == .wakeAtOnce)
    #expect(inbox.put(.work {}, callingLater: 1) == .stored)
  }
}
