/// The sends of one connection that wait for the one in flight. Made when there is one: most connections never have any.
///
/// On the connection's loop. A request that leaves the queue has its call told, so that a late cancellation finds nothing.
final class SendQueue {
  private var requests = WaitingList<SendRequest>()

  var count: Int { requests.count }

  func append(_ request: SendRequest) {
    let place = requests.append(request)
    request.waiter.call?.place = place
  }

  func popFirst() -> SendRequest? { forgetPlace(requests.popFirst()) }

  /// Takes out the request of a call that waits here.
  func remove(_ call: Call) -> SendRequest? { forgetPlace(call.place.flatMap { requests.remove(at: $0) }) }

  func removeAll(where isMeant: (Waiter) -> Bool) -> [SendRequest] {
    requests.removeAll { isMeant($0.waiter) }.compactMap(forgetPlace)
  }

  private func forgetPlace(_ request: SendRequest?) -> SendRequest? {
    request?.waiter.call?.place = nil
    return request
  }
}
