import Testing

@testable import Gyre

/// Senders and receivers on two loops, cancelled at random: every element that `send` accepted is received once.
@Suite(.serialized)
struct ChannelRaceTests {
  private struct Element: Sendable, Hashable {
    let sender: Int
    let number: Int
  }

  @Test(arguments: ChannelTests.pairs)
  func noElementIsLostOrDoubled(_ backends: [Backend]) async throws {
    let seed = UInt64(environmentNumber("GYRE_SEED", default: 20_261_124))
    let perSender = environmentNumber("GYRE_RACES", default: 100_000) / 40
    for capacity in [1, 2, 16] {
      let tally = try await withLoops(backends, seconds: 300 + perSender / 30) { loops in
        try await ChannelRaceTests.race(capacity, perSender, seed, loops)
      }
      print("races \(backends) seed \(seed): channel of \(capacity): \(tally)")
    }
  }

  private static func race(_ capacity: Int, _ perSender: Int, _ seed: UInt64, _ loops: [EventLoop]) async throws
    -> RaceTally
  {
    let channel = Channel<Element>(capacity: capacity)
    let senders = (0..<4).map { index in
      start(on: loops[index % 2]) { await send(perSender, as: index, into: channel, seed, on: loops[index % 2]) }
    }
    let receivers = (0..<3).map { index in
      start(on: loops[index % 2]) { try await receive(from: channel, seed &+ UInt64(index), on: loops[index % 2]) }
    }
    var sent: [Element] = []
    var cancelled = 0
    for sender in senders {
      let (accepted, refused) = try await sender.value
      sent += accepted
      cancelled += refused
    }
    channel.finish()
    var received: [Element] = []
    for receiver in receivers {
      let (elements, refused) = try await receiver.value
      expectOrder(elements)
      received += elements
      cancelled += refused
    }
    #expect(received.count == sent.count && Set(received) == Set(sent), "lost or doubled; capacity \(capacity)")
    #expect(cancelled > 0 && !sent.isEmpty, "nothing was raced")
    return RaceTally(completed: sent.count + received.count, cancelled: cancelled)
  }

  /// Of one sender's elements, each receiver gets some, in order.
  private static func expectOrder(_ elements: [Element]) {
    var last: [Int: Int] = [:]
    for element in elements {
      #expect(last[element.sender, default: -1] < element.number)
      last[element.sender] = element.number
    }
  }

  private static func send(
    _ count: Int,
    as sender: Int,
    into channel: Channel<Element>,
    _ seed: UInt64,
    on loop: EventLoop
  ) async -> (accepted: [Element], cancelled: Int) {
    var random = SeededGenerator(seed: seed &* 31 &+ UInt64(sender))
    var accepted: [Element] = []
    for number in 0..<count {
      let element = Element(sender: sender, number: number)
      let attempt = start(on: loop) { try await channel.send(element) }
      if case .success = await outcome(of: attempt, &random) { accepted.append(element) }
    }
    return (accepted, count - accepted.count)
  }

  private static func receive(
    from channel: Channel<Element>,
    _ seed: UInt64,
    on loop: EventLoop
  ) async throws -> (elements: [Element], cancelled: Int) {
    var random = SeededGenerator(seed: seed &* 17)
    var elements: [Element] = []
    var cancelled = 0
    while true {
      switch await outcome(of: start(on: loop) { try await channel.receive() }, &random) {
      case .success(let element?): elements.append(element)
      case .success(nil): return (elements, cancelled)
      case .failure(is CancellationError): cancelled += 1
      case .failure(let error): throw error
      }
    }
  }

  /// The result of an attempt that is cancelled after a random while, or not at all.
  private static func outcome<Value: Sendable>(
    of attempt: Task<Value, any Error>,
    _ random: inout SeededGenerator
  ) async -> Result<Value, any Error> {
    if Bool.random(using: &random) {
      for _ in 0..<random.spread(8) { await Task.yield() }
      attempt.cancel()
    }
    return await attempt.result
  }
}
