/// CRC-64 as in XZ: every burst of up to 64 damaged bits shows, and nearly all other damage.
struct Checksum {
  private(set) var value: UInt64 = 0
  private let table = Checksum.table

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var rest = ~value
    table.withUnsafeBufferPointer { table in
      for byte in bytes { rest = table[Int(UInt8(truncatingIfNeeded: rest) ^ byte)] ^ rest >> 8 }
    }
    value = ~rest
  }

  private static let table: [UInt64] = (0..<256).map { byte in
    (0..<8).reduce(UInt64(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0xC96C_5795_D787_0F42 : rest >> 1 }
  }
}
