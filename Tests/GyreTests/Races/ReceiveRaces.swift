import Testing

@testable import Gyre

/// Races cancellation and timeouts against arriving bytes, on one connection.
struct ReceiveRaces {
  enum Way: CaseIterable {
    case chunk
    case span
    case mixed
    /// By tasks on the stock executor's threads.
    case elsewhere
    /// By tasks on a default actor.
    case actor
  }

  /// Where its jobs run can change at every suspension.
  private actor Hub {
    func receive(_ intoSpan: Bool, _ receiver: TCPConnection) async throws -> [UInt8]? {
      try await ReceiveRaces.receive(intoSpan, receiver)
    }
  }

  let loop: EventLoop
  let way: Way
  var random: SeededGenerator

  private let hub = Hub()
  private var sent = 0
  private var received = 0

  init(loop: EventLoop, way: Way, random: SeededGenerator) {
    self.loop = loop
    self.way = way
    self.random = random
  }

  /// Runs `count` races, then receives what is left: every byte once and in order.
  mutating func run(_ count: Int, from sender: TCPConnection, to receiver: TCPConnection) async throws -> RaceTally {
    var tally = RaceTally()
    for _ in 0..<count {
      if received == sent || Bool.random(using: &random) { try await sendSome(sender) }
      if try await race(receiver) { tally.completed += 1 } else { tally.cancelled += 1 }
    }
    try await sender.shutdown(.send)
    while let bytes = try await ReceiveRaces.receive(way == .span, receiver) { check(bytes) }
    #expect(received == sent)
    return tally
  }

  private mutating func sendSome(_ sender: TCPConnection) async throws {
    let count = Int.random(in: 1...200, using: &random)
    try await sender.send(ByteSequence.bytes(sent..<(sent + count)))
    sent += count
  }

  /// One receive against one cancellation. True if the receive won.
  private mutating func race(_ receiver: TCPConnection) async throws -> Bool {
    let intoSpan = way == .span || (way != .chunk && Bool.random(using: &random))
    let yields = Int.random(in: 0...4, using: &random)
    let microseconds = Int.random(in: 0...60, using: &random)
    let bytes: [UInt8]?
    if Int.random(in: 0..<8, using: &random) == 0 {
      bytes = await ReceiveRaces.outcome {
        try await withTimeout(.microseconds(microseconds)) { try await ReceiveRaces.receive(intoSpan, receiver) }
      }
    } else {
      let task = receive(intoSpan, receiver)
      for _ in 0..<yields { await Task.yield() }
      task.cancel()
      bytes = await ReceiveRaces.outcome { try await task.value }
    }
    if let bytes { check(bytes) }
    return bytes != nil
  }

  private func receive(_ intoSpan: Bool, _ receiver: TCPConnection) -> Task<[UInt8]?, any Error> {
    let hub = hub
    return switch way {
    case .elsewhere: Task.detached { try await ReceiveRaces.receive(intoSpan, receiver) }
    case .actor: Task(executorPreference: loop.taskExecutor) { try await hub.receive(intoSpan, receiver) }
    default: Task(executorPreference: loop.taskExecutor) { try await ReceiveRaces.receive(intoSpan, receiver) }
    }
  }

  private mutating func check(_ bytes: [UInt8]) {
    let range = received..<(received + bytes.count)
    if bytes != ByteSequence.bytes(range) { Issue.record("wrong bytes at \(range)") }
    received = range.upperBound
  }

  private static func outcome(_ body: () async throws -> [UInt8]?) async -> [UInt8]? {
    do {
      return try await body()
    } catch is CancellationError {
    } catch is TimeoutError {
    } catch {
      Issue.record("unexpected: \(error)")
    }
    return nil
  }

  private static func receive(_ intoSpan: Bool, _ receiver: TCPConnection) async throws -> [UInt8]? {
    guard intoSpan else { return try await receiver.receive()?.copy() }
    var memory = [UInt8](repeating: 0, count: 100)
    var span = memory.mutableSpan
    var bytes = span.mutableBytes
    let count = try await receiver.receive(into: &bytes)
    return count == 0 ? nil : Array(memory[..<count])
  }
}
