/// What may follow `SET key value`: `NX` or `XX`, `GET`, and one of `EX seconds`, `PX milliseconds`, `EXAT` and `PXAT` with
/// the same since 1970, `KEEPTTL`.
struct SetOptions {
  enum Failure: Error, CustomStringConvertible {
    case syntax
    case notAnInteger
    case badEnd(command: String)

    var description: String {
      switch self {
      case .syntax: "ERR syntax error"
      case .notAnInteger: Store.notAnInteger
      case .badEnd(let command): "ERR invalid expire time in '\(command)' command"
      }
    }
  }

  /// Whether the key has to be there already, or must not be.
  private(set) var mustExist: Bool?
  /// Whether the value that was there is the answer.
  private(set) var returnsValue = false
  /// When the key ends, in milliseconds since 1970; 0 if it does not.
  private(set) var end: Int64 = 0
  private(set) var keepsEnd = false

  init(_ request: borrowing Request, from start: Int, now: Int64) throws(Failure) {
    var index = start
    while index < request.count {
      let option = request[index]
      if option.isWord("NX") || option.isWord("XX") {
        guard mustExist == nil else { throw .syntax }
        mustExist = option.isWord("XX")
      } else if option.isWord("GET") {
        returnsValue = true
      } else if option.isWord("KEEPTTL") {
        guard end == 0 else { throw .syntax }
        keepsEnd = true
      } else {
        guard end == 0, !keepsEnd else { throw .syntax }
        end = try SetOptions.end(request, at: index, now: now)
        index += 1
      }
      index += 1
    }
  }

  /// What may follow `GETEX key`: `PERSIST`, or when the key ends.
  init(endIn request: borrowing Request, now: Int64) throws(Failure) {
    if request.count == 2 || (request.count == 3 && request[2].isWord("PERSIST")) { return }
    guard request.count == 4 else { throw .syntax }
    end = try SetOptions.end(request, at: 2, now: now)
  }

  /// The time behind one of the four words for it.
  private static func end(_ request: borrowing Request, at index: Int, now: Int64) throws(Failure) -> Int64 {
    let option = request[index]
    let isAbsolute = option.isWord("EXAT") || option.isWord("PXAT")
    let isSeconds = option.isWord("EX") || option.isWord("EXAT")
    guard isAbsolute || isSeconds || option.isWord("PX"), index + 1 < request.count else { throw .syntax }
    guard let time = request[index + 1].integer else { throw .notAnInteger }
    guard time > 0, let end = Keyspace.end(time, unit: isSeconds ? 1000 : 1, after: isAbsolute ? 0 : now) else {
      throw .badEnd(command: request[0].text.lowercased())
    }
    return end
  }
}
