/// Where a task of a group starts, and so where it stays.
public enum TaskPlacement: Sendable {
  /// On the loops in turn.
  case roundRobin
  /// On the loop that the caller runs on, which shares the caller's data without a hop; in turn if that is none of the
  /// group's.
  case current
  /// On this one.
  case loop(EventLoop)
}
