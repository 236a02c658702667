/// What may follow `SET key value`: `NX` or `XX`, and one of `EX seconds`, `PX milliseconds`, `KEEPTTL`.
struct SetOptions {
  enum Failure: Error, CustomStringConvertible {
    case syntax
    case notAnInteger
    case badEnd

    var description: String {
      switch self {
      case .syntax: "ERR syntax error"
      case .notAnInteger: "ERR value is not an integer or out of range"
      case .badEnd: "ERR invalid expire time in 'set' command"
      }
    }
  }

  /// Whether the key has to be there already, or must not be.
  private(set) var mustExist: Bool?
  /// When the key ends, in milliseconds since 1970; 0 if it does not.
  private(set) var end: Int64 = 0
  private(set) var keepsEnd = false

  init(_ request: borrowing Request, now: Int64) throws(Failure) {
    var index = 3
    while index < request.count {
      let option = request[index]
      if option.isWord("NX") || option.isWord("XX") {
        guard mustExist == nil else { throw .syntax }
        mustExist = option.isWord("XX")
      } else if option.isWord("KEEPTTL") {
        guard end == 0 else { throw .syntax }
        keepsEnd = true
      } else if option.isWord("EX") || option.isWord("PX") {
        index += 1
        guard end == 0, !keepsEnd, index < request.count else { throw .syntax }
        end = try SetOptions.end(request[index], unit: option.isWord("EX") ? 1000 : 1, now: now)
      } else {
        throw .syntax
      }
      index += 1
    }
  }

  private static func end(_ argument: RawSpan, unit: Int64, now: Int64) throws(Failure) -> Int64 {
    guard let time = argument.integer else { throw .notAnInteger }
    let (milliseconds, overflows) = time.multipliedReportingOverflow(by: unit)
    let (end, overflowsToo) = milliseconds.addingReportingOverflow(now)
    guard time > 0, !overflows, !overflowsToo else { throw .badEnd }
    return end
  }
}
