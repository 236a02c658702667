/// What a client gets.
struct Response {
  var status: Status
  var body: [UInt8]
  var type: StaticString = "text/plain; charset=utf-8"
  /// The methods that the target takes, where the client asked for another.
  var allowed: [Method] = []

  init(_ status: Status, _ text: String) {
    self.status = status
    body = Array(text.utf8)
  }

  init(bytes: [UInt8]) {
    status = .ok
    body = bytes
    type = "application/octet-stream"
  }

  init(allowing methods: [Method]) {
    self.init(.methodNotAllowed, "this takes \(methods.map(\.rawValue).joined(separator: ", "))\n")
    allowed = methods
  }

  init(_ failure: RequestFailure) { self.init(failure.status, failure.reason + "\n") }
}
