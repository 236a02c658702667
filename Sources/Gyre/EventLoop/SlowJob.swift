/// A piece of a task that ran for long without suspending, while everything else on its loop waited.
public struct SlowJob: Sendable, Equatable {
  /// How long it ran.
  public let duration: Duration
  /// The task's name, `Task(name:)`, if it has one.
  ///
  /// It is asked for when the task suspends; a task that ends instead, or waits for something other than its loop, remains
  /// unnamed.
  public let taskName: String?
}
