import Testing

@testable import Gyre

/// When a shortage is a new one, which is worth another line of the log.
@Suite struct ShortagesTests {
  @Test
  func aShortageIsOneHoweverOftenAcceptingIsTried() {
    var shortages = Shortages()
    var now: UInt64 = 5
    let milliseconds: [UInt64] = [0, 5, 10, 640, 1000, 1000, 9999, 10_000, 0, 1000]
    // As a listener tries again: soon at first, and then each second.
    let begins = milliseconds.map { delay in
      now += delay * 1_000_000
      return shortages.note(at: now)
    }
    #expect(begins == [true, false, false, false, false, false, false, true, false, false])
    #expect(shortages.attempts == 10 && shortages.count == 2)
  }
}
