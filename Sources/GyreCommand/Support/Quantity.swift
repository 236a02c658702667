import Glibc

/// Numbers as people read them.
enum Quantity {
  /// `1 234 567`
  static func count(_ value: some BinaryInteger) -> String {
    let digits = Array(String(value))
    return digits.indices.reduce(into: "") { text, index in
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(" ") }
      text.append(digits[index])
    }
  }

  /// Three digits that count, in the unit that suits: `412 ns`, `1.23 µs`, `45.6 ms`, `7.89 s`.
  static func duration(nanoseconds: UInt64) -> String {
    scaled(Double(nanoseconds), 1000, ["ns", "µs", "ms", "s"])
  }

  /// `512 B`, `1.50 KiB`, `7.53 MiB`
  static func bytes(_ value: Double) -> String { scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]) }

  /// `1.50`: with as many decimals as asked for.
  static func decimal(_ value: Double, places: Int) -> String {
    let scale = pow(10, Double(places))
    let digits = String(whole(value * scale))
    guard places > 0 else { return digits }
    let padded = String(repeating: "0", count: max(places + 1 - digits.count, 0)) + digits
    return "\(padded.dropLast(places)).\(padded.suffix(places))"
  }

  /// The nearest whole number; what is none, or has no place in 64 bits, becomes the nearest that has.
  private static func whole(_ value: Double) -> UInt64 {
    value > 0 ? UInt64(exactly: value.rounded()) ?? .max : 0
  }

  private static func scaled(_ value: Double, _ step: Double, _ units: [String]) -> String {
    var value = value
    var unit = 0
    while unit + 1 < units.count, value.rounded() >= step {
      value /= step
      unit += 1
    }
    let places = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
    return "\(decimal(value, places: places)) \(units[unit])"
  }
}
