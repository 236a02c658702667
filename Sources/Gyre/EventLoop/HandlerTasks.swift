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

  private struct State: Sendable {
    /// By place; `nil` while a task is being made, after it, and where none is.
    var tasks: [Task<Void, Never>?] = []
    var free: [Place] = []
    /// Places of tasks that ended before they were kept.
    var left: Set<Place> = []
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
      if let place = state.free.popLast() { return place }
      state.tasks.append(nil)
      return state.tasks.count - 1
    }
  }

  /// Keeps a task that was made for a place, to cancel it with the others.
  func keep(_ task: Task<Void, Never>, at place: Place) {
    let isCancelled = state.withLock { state in
      if state.left.remove(place) != nil {
        state.free.append(place)
      } else {
        state.tasks[place] = task
      }
      return state.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// The last that a task does. It may come before `keep`.
  func leave(_ place: Place) {
    let waiter = state.withLock { state in
      if state.tasks[place] != nil {
        state.tasks[place] = nil
        state.free.append(place)
      } else {
        state.left.insert(place)
      }
      state.count -= 1
      return state.count == 0 ? state.whenEmpty.take() : nil
    }
    waiter?.resume()
  }

  private func cancelAll() {
    let tasks = state.withLock { state in
      state.isCancelled = true
      return state.tasks.compactMap { $0 }
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
