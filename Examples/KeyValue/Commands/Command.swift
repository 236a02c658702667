/// A command that clients can give.
final class Command: Sendable {
  typealias Body = @Sendable (isolated Store, borrowing Request, inout Reply) -> Void

  let name: String
  /// How many arguments it takes after its name.
  let arguments: ClosedRange<Int>
  let run: Body

  init(_ name: String, _ arguments: ClosedRange<Int>, _ run: @escaping Body) {
    self.name = name
    self.arguments = arguments
    self.run = run
  }

  static let all: [Command] = keyCommands + saveCommands + serverCommands

  static let byName = Dictionary(uniqueKeysWithValues: all.map { (pack(Array($0.name.utf8).span.bytes)!, $0) })

  static let most = RequestParser.Limit.arguments

  /// A name in upper case as one number, which is quicker to look up than text; `nil` for more than eight letters, which no
  /// command has.
  @inline(__always)
  static func pack(_ name: RawSpan) -> UInt64? {
    guard name.byteCount <= 8 else { return nil }
    var packed: UInt64 = 0
    for offset in 0..<name.byteCount { packed = packed << 8 | UInt64(RawSpan.upperCase(name[offset])) }
    return packed
  }
}
