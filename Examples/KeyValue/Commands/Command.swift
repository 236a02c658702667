/// A command that clients can give.
struct Command: Sendable {
  enum Body: Sendable {
    /// Asks the store, and answers.
    case store(@Sendable (isolated Store, borrowing Request, inout Reply) -> Void)
    /// Is about the client, too.
    case client(@Sendable (isolated Store, borrowing Request, inout Client) -> Void)
  }

  let name: String
  /// How many arguments it takes after its name.
  let arguments: ClosedRange<Int>
  let body: Body

  init(
    _ name: String,
    _ arguments: ClosedRange<Int>,
    _ body: @escaping @Sendable (isolated Store, borrowing Request, inout Reply) -> Void
  ) {
    self.init(name: name, arguments: arguments, body: .store(body))
  }

  init(
    ofClient name: String,
    _ arguments: ClosedRange<Int>,
    _ body: @escaping @Sendable (isolated Store, borrowing Request, inout Client) -> Void
  ) {
    self.init(name: name, arguments: arguments, body: .client(body))
  }

  /// Whether it is carried out at once between MULTI and EXEC, where others wait.
  var isImmediate: Bool { ["MULTI", "EXEC", "DISCARD", "QUIT"].contains(name) }

  private init(name: String, arguments: ClosedRange<Int>, body: Body) {
    self.name = name
    self.arguments = arguments
    self.body = body
  }

  static let all: [Command] =
    valueCommands + numberCommands + keyCommands + endCommands + saveCommands + serverCommands + clientCommands
    + transactionCommands

  static let byName = Dictionary(uniqueKeysWithValues: all.map { (pack(Array($0.name.utf8).span.bytes)!, $0) })

  static let most = RequestParser.Limit.arguments

  /// A name in upper case as one number, which is quicker to look up than text; `nil` for more than twelve letters, or
  /// something else than letters, which no command has.
  @inline(__always)
  static func pack(_ name: RawSpan) -> UInt64? {
    guard name.byteCount <= 12 else { return nil }
    var packed: UInt64 = 0
    for offset in 0..<name.byteCount {
      let letter = RawSpan.upperCase(name[offset]) &- (UInt8(ascii: "A") - 1)
      guard letter >= 1 && letter <= 26 else { return nil }
      packed = packed << 5 | UInt64(letter)
    }
    return packed
  }
}
