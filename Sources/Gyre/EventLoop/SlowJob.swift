/// A piece of a task that ran for long without suspending, while everything else on its loop waited.
public struct SlowJob: Sendable, Equatable {
  /// How long it ran.
  public let duration: Duration
  /// The task's name, `Task(name:)`, if it has one.
  ///
  /// It is asked for when the task suspends; a task that ends instead, or waits for something other than its loop, remains
  /// unnamed.
  public let taskName: String?
  /// Whether other tasks ran in that time, on the same thread.
  ///
  /// A task that suspends in an actor of the runtime's leaves its thread to the tasks that wait for the actor, wherever they
  /// belong, and to what they do next. It is the loop's thread that they have then. An actor that a loop's tasks use belongs on
  /// the loop: `EventLoop.serialExecutor`.
  public let ranOthers: Bool
}
