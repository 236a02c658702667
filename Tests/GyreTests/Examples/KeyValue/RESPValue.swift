/// An answer of a server that speaks RESP2 or RESP3.
enum RESPValue: Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case simple(String)
  case error(String)
  case integer(Int)
  case bulk(String)
  case null
  case array([RESPValue])
  case map([RESPValue: RESPValue])

  init(stringLiteral text: String) { self = .bulk(text) }
  init(integerLiteral number: Int) { self = .integer(number) }

  /// Those of an array; none of anything else.
  var elements: [RESPValue] { if case .array(let elements) = self { elements } else { [] } }

  /// Those of a map; none of anything else.
  var fields: [RESPValue: RESPValue] { if case .map(let fields) = self { fields } else { [:] } }

  static let ok = RESPValue.simple("OK")
}
