/// Why what a client sent gets no answer but this. The connection is closed after it: where the next request would begin
/// is anybody's guess, and guessing wrong is how requests are smuggled.
struct RequestFailure: Error, Equatable {
  let status: Status
  let reason: String

  init(_ status: Status, _ reason: String) {
    self.status = status
    self.reason = reason
  }

  static func bad(_ reason: String) -> RequestFailure { RequestFailure(.badRequest, reason) }
}
