import FoundationEssentials

/// JSON as the commands print it: indented, keys in alphabetical order.
enum JSONText {
  static func make(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
