/// How races ended. Both ends of every kind have to occur, or nothing was raced.
struct RaceTally: Sendable, CustomStringConvertible {
  var completed = 0
  var cancelled = 0

  var total: Int { completed + cancelled }
  var description: String { "\(completed) completed, \(cancelled) cancelled" }

  static func += (left: inout RaceTally, right: RaceTally) {
    left.completed += right.completed
    left.cancelled += right.cancelled
  }
}
