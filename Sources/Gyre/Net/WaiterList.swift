import Glibc

/// Tasks that wait for the same thing, in the order in which they came.
///
/// A call knows its place, so that cancelling it costs the same however many others wait. It forgets the place when it
/// leaves: a late cancellation finds nothing.
struct WaiterList {
  private var waiters = WaitingList<Waiter>()

  var isEmpty: Bool { waiters.isEmpty }

  mutating func append(_ waiter: Waiter) {
    let place = waiters.append(waiter)
    waiter.call?.place = place
  }

  mutating func popFirst() -> Waiter? {
    let waiter = waiters.popFirst()
    waiter?.call?.place = nil
    return waiter
  }

  /// Resumes a call that waits here with `-ECANCELED`.
  mutating func cancel(_ call: Call) {
    guard let place = call.place else { return }
    call.place = nil
    waiters.remove(at: place)?.resume(-ECANCELED)
  }

  mutating func resumeAll(_ result: Int32) {
    while let waiter = popFirst() { waiter.resume(result) }
  }
}
