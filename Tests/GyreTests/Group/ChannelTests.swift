import CLiburing
import Glibc
import Testing

@testable import Gyre

/// A channel between two loops.
@Suite(.serialized)
struct ChannelTests {
  /// Loops of the same and of different kinds.
  static let pairs: [[Backend]] = Backends.available.flatMap { first in Backends.available.map { [first, $0] } }

  @Test(arguments: pairs)
  func elementsArriveInOrderAndThenTheEnd(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let channel = Channel<Int>(capacity: 7)
      let sender = start(on: loops[1]) {
        for number in 0..<10_000 { try await channel.send(number) }
        channel.finish()
      }
      var expected = 0
      for try await number in channel {
        #expect(number == expected)
        #expect(loops[0].isCurrent)
        expected += 1
      }
      #expect(expected == 10_000)
      #expect(try await channel.receive() == nil)
      try await sender.value
    }
  }

  /// A bound need not be one that is ever reached.
  @Test(arguments: [1, 1024, 1025, 3000, .max])
  func aChannelOfAnyCapacityKeepsTheOrder(_ capacity: Int) throws {
    let channel = Channel<String>(capacity: capacity)
    var (next, expected) = (0, 0)
    for round in 0..<7 {
      for _ in 0..<(1000 + round) where channel.count < capacity {
        #expect(try channel.trySend("\(next)") == nil)
        next += 1
      }
      if channel.count == capacity { #expect(try channel.trySend("too many") == "too many") }
      for _ in 0..<300 where channel.count > 0 {
        #expect(channel.tryReceive() == "\(expected)")
        expected += 1
      }
    }
    while let element = channel.tryReceive() {
      #expect(element == "\(expected)")
      expected += 1
    }
    #expect(expected == next)
  }

  @Test(arguments: pairs)
  func aFullChannelSuspendsItsSender(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let channel = Channel<Int>(capacity: 2)
      let sent = Shared(0)
      let sender = start(on: loops[1]) {
        for number in 0..<5 {
          try await channel.send(number)
          sent.update { $0 += 1 }
        }
      }
      try await eventually("two are in the channel") { sent.value == 2 }
      // Turns of the other loop pass; whoever could go on would.
      for _ in 0..<20 { try await start(on: loops[1]) { await Task.yield() }.value }
      #expect(sent.value == 2 && channel.count == 2)
      let refused = try channel.trySend(9)
      #expect(refused == 9, "there is no room")
      for number in 0..<5 { #expect(try await channel.receive() == number) }
      try await sender.value
      #expect(channel.tryReceive() == nil)
    }
  }

  @Test(arguments: pairs)
  func finishingWakesEverybodyAndKeepsWhatWasSent(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let full = Channel<Int>(capacity: 1)
      try await full.send(1)
      let sender = start(on: loops[1]) { try await full.send(2) }
      let empty = Channel<Int>(capacity: 1)
      let receivers = loops.map { loop in start(on: loop) { try await empty.receive() } }
      for _ in 0..<20 { try await start(on: loops[1]) { await Task.yield() }.value }
      full.finish()
      empty.finish()
      await #expect(throws: ChannelFinishedError.self) { try await sender.value }
      for receiver in receivers { #expect(try await receiver.value == nil) }
      #expect(try await full.receive() == 1)
      #expect(try await full.receive() == nil)
      #expect(throws: ChannelFinishedError.self) { _ = try full.trySend(3) }
      await #expect(throws: ChannelFinishedError.self) { try await full.send(3) }
    }
  }

  /// Counts its ends.
  private struct Token: ~Copyable, Sendable {
    let ended: Shared<Int>
    deinit { ended.update { $0 += 1 } }
  }

  @Test(arguments: pairs)
  func elementsThatCannotBeCopiedEndOnce(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let ended = Shared(0)
      let channel = Channel<Token>(capacity: 3)
      let sender = start(on: loops[1]) {
        for _ in 0..<10 { try await channel.send(Token(ended: ended)) }
      }
      for index in 0..<8 {
        let token = try await channel.receive()
        let isThere = token != nil
        #expect(isThere && ended.value == index)
        _ = consume token
      }
      try await sender.value
      #expect(ended.value == 8 && channel.count == 2)
    }
  }

  @Test(arguments: pairs)
  func anEndlessSupplyStopsNobody(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let channel = Channel<Int>(capacity: 64)
      let busy = start(on: loops[0]) {
        while true {
          try await channel.send(1)
          _ = try await channel.receive()
        }
      }
      // On the same loop as the busy task, which always finds room and an element.
      for _ in 0..<5 { try await loops[0].sleep(for: .milliseconds(1)) }
      busy.cancel()
      await #expect(throws: CancellationError.self) { try await busy.value }
    }
  }

  // MARK: Many that wait

  /// Those that are cancelled leave no hole: the others are served in the order in which they came. It takes no time that
  /// grows with the square of their number, or this would not end.
  @Test(arguments: Backends.available)
  func manyWaitAndSomeAreCancelled(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let channel = Channel<Int>(capacity: 1)
      let receivers = (0..<50_000).map { _ in start(on: loop) { try await channel.receive() } }
      try await start(on: loop) { await Task.yield() }.value
      for (number, receiver) in receivers.enumerated() where number % 5 != 0 { receiver.cancel() }
      for number in 0..<10_000 { try await channel.send(number) }
      var (right, cancelled) = (0, 0)
      for (number, receiver) in receivers.enumerated() {
        switch await receiver.result {
        case .success(let element): right += element == number / 5 && number % 5 == 0 ? 1 : 0
        case .failure(let error): cancelled += error is CancellationError ? 1 : 0
        }
      }
      #expect(right == 10_000 && cancelled == 40_000)
    }
  }

  /// The same for those that wait to send, which the end of the channel tells.
  @Test(arguments: Backends.available)
  func sendersAreCancelledOutOfTheMiddle(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let channel = Channel<Int>(capacity: 1)
      try await channel.send(-1)
      let senders = (0..<100).map { number in start(on: loop) { try await channel.send(number) } }
      try await start(on: loop) { await Task.yield() }.value
      for number in 20..<90 { senders[number].cancel() }
      for expected in [-1] + Array(0..<20) { #expect(try await channel.receive() == expected) }
      // One more has been let in, and the last nine wait.
      channel.finish()
      #expect(try await channel.receive() == 90)
      #expect(try await channel.receive() == nil)
      for number in 20..<90 { await #expect(throws: CancellationError.self) { try await senders[number].value } }
      for number in 91..<100 { await #expect(throws: ChannelFinishedError.self) { try await senders[number].value } }
      for number in 0..<20 { try await senders[number].value }
    }
  }

  // MARK: Wakes

  private static func bounce(_ count: Int, between loops: [EventLoop]) async throws {
    let (there, back) = (Channel<Int>(capacity: 1), Channel<Int>(capacity: 1))
    let echo = start(on: loops[1]) {
      while let number = try await there.receive() { try await back.send(number) }
    }
    for number in 0..<count {
      try await there.send(number)
      #expect(try await back.receive() == number)
    }
    there.finish()
    try await echo.value
  }

  @Test(arguments: pairs)
  func aParkedLoopIsWokenByAMessageWhereBothAreRings(_ backends: [Backend]) async throws {
    try await withLoops(backends) { loops in
      let before = loops[0].driver.counters.messages
      try await ChannelTests.bounce(200, between: loops)
      let messages = loops[0].driver.counters.messages - before
      let canSend = loops.allSatisfy { $0.driver.waker.ring != nil }
      #expect(canSend ? messages > 0 : messages == 0)
    }
  }

  @Test(.needsIOUring)
  func busyLoopsPayNoSystemCallForAMessage() async throws {
    try await withLoops([.uring, .uring]) { loops in
      let isDone = Shared(false)
      let busy = loops.map { loop in start(on: loop) { while !isDone.value { await Task.yield() } } }
      // Both run before the count begins: a loop that is parked still has to be woken.
      for loop in loops { try await start(on: loop) { await Task.yield() }.value }
      let before = loops[0].driver.counters.messages
      try await ChannelTests.bounce(200, between: loops)
      #expect(loops[0].driver.counters.messages == before)
      isDone.update { $0 = true }
      for task in busy { try await task.value }
    }
  }

  /// The receiver's ring is none: the eventfd has to be written instead.
  @Test(.needsMessages)
  func aMessageThatFailsIsReplacedByTheEventfd() async throws {
    try await withLoop(.uring) { loop in
      let pipe = try Pipe()
      defer { pipe.close() }
      let waker = try Waker(ring: pipe.reader)
      #expect(loop.driver.wake(waker))
      try await eventually("the eventfd is written") {
        var poll = pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1
      }
    }
  }

  /// What is there may still be taken without waiting, but not for ever.
  @Test(arguments: Backends.available)
  func aCancelledTaskEndsThoughThereIsAlwaysAnElement(_ backend: Backend) async throws {
    let numbers = Channel<Int>(capacity: 4096)
    for number in 0..<numbers.capacity { #expect(try numbers.trySend(number) == nil) }
    let drain: @Sendable () async -> Int = {
      withUnsafeCurrentTask { $0!.cancel() }
      var count = 0
      while (try? await numbers.receive()) != nil { count += 1 }
      return count
    }
    // On no loop it asks each time.
    #expect(await Task.detached { await drain() }.value == 0)
    let taken = try await withLoop(backend) { loop in try await start(on: loop) { await drain() }.value }
    #expect(taken <= 1024)
    #expect(numbers.count == numbers.capacity - taken, "what was not taken stays")
  }
}
