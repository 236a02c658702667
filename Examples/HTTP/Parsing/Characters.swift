/// Which bytes may stand where. RFC 9110, 5.5 and 5.6.2; RFC 3986, 2
enum Characters {
  static let cr = UInt8(ascii: "\r")
  static let lf = UInt8(ascii: "\n")
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")

  /// A byte of a method's or a field's name.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool { tokens[Int(byte)] }

  /// A byte of a field's value. Bytes above 127 are let through as they are.
  @inline(__always)
  static func isValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f || byte == tab }

  /// A byte of a target: visible ASCII, without the `#` of a fragment, which is no business of a server's. Browsers send
  /// more of it than RFC 3986 has, for example `|` and `[`.
  @inline(__always)
  static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#") }

  /// A byte of a host's name: an unreserved one or a delimiter of parts.
  @inline(__always)
  static func isName(_ byte: UInt8) -> Bool { names[Int(byte)] }

  static func hexValue(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
    default: nil
    }
  }

  private static let tokens = table("!#$%&'*+-.^_`|~")
  private static let names = table("-._~!$&'()*+,;=")

  /// Letters, digits, and others.
  private static func table(_ others: String) -> [Bool] {
    (0..<256).map { number in
      let byte = UInt8(number)
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        return true
      default: return others.utf8.contains(byte)
      }
    }
  }
}
