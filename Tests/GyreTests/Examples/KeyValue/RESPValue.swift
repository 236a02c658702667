/// An answer of a server that speaks RESP2.
enum RESPValue: Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  case simple(String)
  case error(String)
  case integer(Int)
  case bulk(String)
  case null
  case array([RESPValue])

  init(stringLiteral text: String) { self = .bulk(text) }
  init(integerLiteral number: Int) { self = .integer(number) }

  static let ok = RESPValue.simple("OK")
}
