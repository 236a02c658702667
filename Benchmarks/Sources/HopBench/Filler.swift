import Synchronization

/// What else there is to do at the ends: tasks that work a little and let others run, until they are told to stop.
///
/// One of them is nearly always ready, so that the end is busy whatever the parcels leave: a loop does not sleep, and a default
/// actor is not free.
final class Filler: Sendable {
  private let isOver = Atomic(false)
  private let count = Atomic(0)

  static let tasksAtEachEnd = 2
  private static let steps = 200

  /// How often a task has worked.
  var fills: Int { count.load(ordering: .relaxed) }

  /// Works where the caller is.
  func run(isolation: isolated (any Actor)? = #isolation) async {
    var number = 1
    while !isOver.load(ordering: .relaxed) {
      // Each step depends on the one before: about a nanosecond each.
      for _ in 0..<Filler.steps {
        number ^= number << 13
        number ^= number >> 7
      }
      count.wrappingAdd(number != 0 ? 1 : 0, ordering: .relaxed)
      await Task.yield()
    }
  }

  func stop() { isOver.store(true, ordering: .relaxed) }
}
