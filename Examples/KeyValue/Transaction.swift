/// Requests that are carried out together, with nothing in between.
struct Transaction {
  private(set) var requests: [(bytes: [UInt8], arguments: [Range<Int>])] = []
  /// Whether one could not be understood: then none is carried out.
  var isBroken = false
  private var size = 0

  /// Keeps a request for later. False if that is more than a client may have kept.
  mutating func add(_ request: borrowing Request) -> Bool {
    size += request.size
    guard size <= RequestParser.Limit.request, requests.count < RequestParser.Limit.arguments else { return false }
    requests.append(request.copy())
    return true
  }
}
