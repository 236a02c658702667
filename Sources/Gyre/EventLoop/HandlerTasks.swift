/// The tasks of a server's handlers: the scope that added them waits for them, and cancels them with itself.
///
/// A task group would do the same, but the runtime takes a child that has ended out of its group by a search from the
/// oldest one. Beside 15,000 idle connections a short one then costs a millisecond. Here adding and ending a task cost the
/// same however many others run. As a group's children would, the tasks inherit the scope's priority and task-local values.
///
/// Adding is three steps, so that the frames of a task are its handler's and nobody else's:
///
/// ```swift
/// let place = tasks.reserve()
/// let task = Task { await handle(); tasks.leave(place) }
/// tasks.keep(task, at: place)
/// ```
final class HandlerTasks: Sendable {
  typealias Place = Int

  private enum Entry: Sendable {
    /// In the list of free places, with the next one.
    case free(next: Place)
    /// The task is being made, or has ended before anybody kept it.
    case reserved
    case left
    case running(Task<Void, Never>)
  }

  private struct State: Sendable {
    var entries: [Entry] = []
    var firstFree = -1
    /// Tasks reserved or running.
    var count = 0
    var isCancelled = false
    var whenEmpty: UnsafeContinuation<Void, Never>?
  }

  private let state = Locked(State())

  /// Runs `body`, which adds tasks, and returns when it and all of them have ended. They are cancelled if the calling task
  /// is, or if `body` throws.
  static func withScope(_ body: (HandlerTasks) async throws -> Void) async throws {
    let tasks = HandlerTasks()
    try await withTaskCancellationHandler {
      do {
        try await body(tasks)
      } catch {
        tasks.cancelAll()
        await tasks.waitUntilEmpty()
        throw error
      }
      await tasks.waitUntilEmpty()
    } onCancel: {
      tasks.cancelAll()
    }
  }

  /// A place for a task that is about to be made.
  func reserve() -> Place {
    state.withLock { state in
      state.count += 1
      let place = state.firstFree
      if place < 0 {
        state.entries.append(.reserved)
        return state.entries.count - 1
      }
      if case .free(let next) = state.entries[place] { state.firstFree = next }
      state.entries[place] = .reserved
      return place
    }
  }

  /// Keeps a task that was made for a place, to cancel it with the others.
  func keep(_ task: Task<Void, Never>, at place: Place) {
    let isCancelled = state.withLock { state in
      if case .left = state.entries[place] {
        HandlerTasks.free(place, in: &state)
      } else {
        state.entries[place] = .running(task)
      }
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// The last that a task does. It may come before `keep`.
  func leave(_ place: Place) {
    let waiter = state.withLock { state in
      if case .running = state.entries[place] {
        HandlerTasks.free(place, in: &state)
      } else {
        state.entries[place] = .left
      }
      state.count -= 1
      return state.count == 0 ? state.whenEmpty.take() : nil
    }
    waiter?.resume()
  }

  private static func free(_ place: Place, in state: inout State) {
    state.entries[place] = .free(next: state.firstFree)
    state.firstFree = place
  }

  private func cancelAll() {
    let tasks = state.withLock { state in
      state.isCancelled = true
      return state.entries.compactMap { if case .running(let task) = $0 { task } else { nil } }
    }
    // Not under the lock: this runs cancellation handlers, which may be anybody's.
    for task in tasks { task.cancel() }
  }

  private func waitUntilEmpty() async {
    await withUnsafeContinuation { continuation in
      let isEmpty = state.withLock { state in
        if state.count > 0 { state.whenEmpty = continuation }
        return state.count == 0
      }
      if isEmpty { continuation.resume() }
    }
    noteResumed()
  }
}
