/// Whoever awaits operations: told of each completion on the loop's thread, while completions are reaped.
///
/// No user code runs in here. A target records what happened and resumes continuations, which puts their tasks into the
/// run queue.
class OperationTarget {
  /// Its operations that have not had their terminal completion. The operation table counts them, and keeps the target alive
  /// while there are any.
  @exclusivity(unchecked) final var operationsInFlight = 0

  func operationCompleted(_ role: OperationRole, _ completion: Completion) {}

  /// The loop stops: cancel what is in flight and resume whoever waits.
  func loopStops() {}
}
