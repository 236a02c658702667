import CHop
import Gyre
import Measuring

/// Two threads that sleep, and wake each other by turns. Each is on a core of its own: on the same core a wake is a mere
/// switch of threads, and where the kernel places them by chance the figure is of one thing or the other.
enum Wakes {
  /// What the wake of a loop takes; a round trip wakes either once.
  static func measure(_ wakes: Int, _ group: EventLoopGroup) async throws -> Figures {
    let pair = LoopPair(group: group)
    _ = try await pair.carry([Parcel()], trips: max(1, wakes / 20))
    let stopwatch = Stopwatch()
    _ = try await pair.carry([Parcel()], trips: max(1, wakes / 2))
    return stopwatch.figures(for: wakes)
  }

  /// What the wake of a thread in C takes.
  static func measureInC(_ wakes: Int) -> Figures {
    let cores = EventLoopGroup.availableCores
    bounce(max(1, wakes / 20), cores)
    let stopwatch = Stopwatch()
    bounce(max(1, wakes / 2), cores)
    return stopwatch.figures(for: wakes)
  }

  private static func bounce(_ rounds: Int, _ cores: [Int]) {
    let error = chop_eventfd_pair(rounds, Int32(cores[0]), Int32(cores[1 % cores.count]))
    precondition(error == 0, "the eventfds or the cores cannot be had: error \(error)")
  }
}
