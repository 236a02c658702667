/// Numbers as decimal text, without a string in between.
enum Decimal {
  /// Calls `body` with the digits, and the sign if it is negative.
  @inline(__always)
  static func withDigits<Value>(of number: Int64, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    // The longest is that of the least number: a sign and 19 digits.
    withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { memory in
      var begin = 20
      var rest = number.magnitude
      repeat {
        begin -= 1
        memory[begin] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      if number < 0 {
        begin -= 1
        memory[begin] = UInt8(ascii: "-")
      }
      return body(UnsafeRawBufferPointer(rebasing: memory[begin...]))
    }
  }
}
