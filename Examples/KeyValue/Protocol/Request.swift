/// One request: a command's name and its arguments, where they lie in the received bytes.
struct Request: ~Escapable {
  private let bytes: RawSpan
  private let arguments: [Range<Int>]

  /// - Parameter arguments: each within `bytes`.
  @_lifetime(copy bytes)
  init(bytes: RawSpan, arguments: [Range<Int>]) {
    self.bytes = bytes
    self.arguments = arguments
  }

  /// The name and the arguments.
  var count: Int { arguments.count }

  /// Bytes of memory that a copy takes.
  var size: Int { bytes.byteCount + arguments.count * MemoryLayout<Range<Int>>.size }

  /// The request's parts, to make the same one of later.
  func copy() -> (bytes: [UInt8], arguments: [Range<Int>]) { (bytes.withUnsafeBytes { Array($0) }, arguments) }

  /// The name, at 0, or an argument.
  subscript(index: Int) -> RawSpan {
    @_lifetime(copy self)
    get { bytes.extracting(arguments[index]) }
  }
}
