/// What a client asks for.
struct Request: Equatable {
  var method: Method
  /// The path with the query, as it came.
  var target: String
  var fields: Fields
  var body: [UInt8] = []
  /// Whether the connection may stay open after the answer.
  var keepsAlive: Bool
  /// Whether the client speaks HTTP/1.0, and has to be told that the connection stays open.
  var isOld: Bool

  /// The target without its query.
  var path: Substring { target.prefix { $0 != "?" } }
}
