import Foundation
import Testing

@testable import Gyre

/// At least 100,000 randomised races of cancellation and timeouts against data, accept, connect and send on each driver.
/// `GYRE_RACES` and `GYRE_SEED` in the environment change the number and the seed.
@Suite(.serialized)
struct CancellationRaceTests {

  @Test(arguments: Backends.available)
  func everythingArrivesOnceAndNothingLeaks(_ backend: Backend) async throws {
    let races = environmentNumber("GYRE_RACES", default: 100_000)
    let seed = UInt64(environmentNumber("GYRE_SEED", default: 20_261_123))
    let tallies = try await withLoop(backend, seconds: 300 + races / 300) { loop in
      try await CancellationRaceTests.race(races, seed: seed, on: loop)
    }
    for (kind, tally) in tallies.sorted(by: { $0.key < $1.key }) {
      print("races \(backend) seed \(seed): \(kind): \(tally)")
      #expect(tally.completed > 0 && tally.cancelled > 0, "\(kind) was not raced")
    }
    #expect(tallies.values.reduce(0) { $0 + $1.total } >= races)
  }

  private static func race(_ races: Int, seed: UInt64, on loop: EventLoop) async throws -> [String: RaceTally] {
    let lanes = 18
    let perLane = (races + lanes - 1) / lanes
    return try await withThrowingTaskGroup(of: (String, RaceTally).self) { group in
      for lane in 0..<lanes {
        let random = SeededGenerator(seed: seed &+ UInt64(lane) &* 7919)
        group.addTask(executorPreference: loop.taskExecutor) {
          try await raceLane(lane, perLane, random, on: loop)
        }
      }
      var tallies: [String: RaceTally] = [:]
      for try await (kind, tally) in group { tallies[kind, default: RaceTally()] += tally }
      return tallies
    }
  }

  /// Thirteen lanes race receives, two accepts, one connects, one sends, one sleeps; those that open connections do fewer races,
  /// and receives make up for them.
  private static func raceLane(
    _ lane: Int,
    _ count: Int,
    _ random: SeededGenerator,
    on loop: EventLoop
  ) async throws -> (String, RaceTally) {
    // Each lane has an address of its own, and so the host's whole range of ports.
    let listener = try TCPListener.bind(to: SocketAddress(host: "127.0.0.\(lane + 1)", port: 0), on: loop)
    let result: (String, RaceTally)
    switch lane {
    case 0, 1:
      var races = ConnectRaces(loop: loop, listener: listener, random: random)
      result = ("accept", try await races.raceAccepts(count / 4))
    case 2:
      var races = ConnectRaces(loop: loop, listener: listener, random: random)
      result = ("connect", try await races.raceConnects(count / 4))
    case 3:
      var races = SendRaces(loop: loop, listener: listener, random: random)
      result = ("send", try await races.run(max(count / 100, 20)))
    case 4:
      var races = SleepRaces(loop: loop, random: random)
      result = ("sleep", try await races.run(count))
    default:
      let way = ReceiveRaces.Way.allCases[lane % ReceiveRaces.Way.allCases.count]
      var races = ReceiveRaces(loop: loop, way: way, random: random)
      async let accepting = listener.accept()
      let sender = try await TCPConnection.connect(to: listener.address)
      let receiver = try await accepting
      result = ("receive \(way)", try await races.run(count * 4 / 3, from: sender, to: receiver))
      await sender.close()
      await receiver.close()
    }
    await listener.close()
    return result
  }
}
