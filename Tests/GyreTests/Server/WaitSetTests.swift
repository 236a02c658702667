import Glibc
import Testing

@testable import Gyre

/// What a supervisor's thread waits for.
struct WaitSetTests {
  @Test func whatIsReadableIsCalledOnceOrInEachTurn() throws {
    let (waits, once, often) = (try WaitSet(), try Pipe(), try Pipe())
    defer { for pipe in [once, often] { pipe.close() } }
    var calls = [0, 0]
    try waits.add(once.reader) { calls[0] += 1 }
    try waits.add(often.reader, isRepeated: true) { calls[1] += 1 }
    for pipe in [once, often] { #expect(write(pipe.writer, "x", 1) == 1) }
    for _ in 0..<3 { try waits.turn {} }
    #expect(calls == [1, 3])
    waits.remove(often.reader)
    _ = waits.insert(at: 0) {}
    try waits.turn {}
    #expect(calls == [1, 3])
  }

  @Test func timesComeInTheirOrderAndRemovedOnesNotAtAll() throws {
    let waits = try WaitSet()
    var order: [Int] = []
    let now = EventLoop.now
    _ = waits.insert(at: now + 2_000_000) { order.append(2) }
    _ = waits.insert(at: now + 1_000_000) { order.append(1) }
    let removed = waits.insert(at: now) { order.append(0) }
    waits.remove(removed)
    while order.count < 2 { try waits.turn {} }
    #expect(order == [1, 2])
    #expect(EventLoop.now >= now + 2_000_000)
  }

  /// One turn's handler may close what the same turn tells of.
  @Test func whatIsRemovedMeanwhileIsNotCalled() throws {
    let (waits, one, other) = (try WaitSet(), try Pipe(), try Pipe())
    defer { for pipe in [one, other] { pipe.close() } }
    var calls = 0
    for (pipe, next) in [(one, other), (other, one)] {
      #expect(write(pipe.writer, "x", 1) == 1)
      try waits.add(pipe.reader) {
        calls += 1
        waits.remove(next.reader)
      }
    }
    try waits.turn {}
    #expect(calls == 1)
  }
}
