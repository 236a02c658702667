/// A request of `gyre patterns` and its answer: both of one length.
enum PatternMessage {
  /// What the server is to do with a request.
  enum Kind: UInt8 {
    case answer
    /// Compute for five milliseconds.
    case compute
    /// Compute for a millisecond on the thread that the request names.
    case slow
    case abort
  }

  static let length = 64

  static func request(_ kind: Kind, thread: Int32 = 0) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    bytes[0] = kind.rawValue
    write(thread, to: &bytes, at: 8)
    return bytes
  }

  static func answer(process: Int32, thread: Int32) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    write(process, to: &bytes, at: 0)
    write(thread, to: &bytes, at: 8)
    return bytes
  }

  static func kind(of request: [UInt8]) -> Kind { Kind(rawValue: request[0]) ?? .answer }

  /// The thread that a request names.
  static func thread(of request: [UInt8]) -> Int32 { read(request, at: 8) }

  /// Who executed a request.
  static func worker(of answer: [UInt8]) -> PatternWorker {
    PatternWorker(process: read(answer, at: 0), thread: read(answer, at: 8))
  }

  private static func write(_ number: Int32, to bytes: inout [UInt8], at offset: Int) {
    for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: number >> (8 * Int32(byte))) }
  }

  private static func read(_ bytes: [UInt8], at offset: Int) -> Int32 {
    (0..<4).reduce(0) { $0 | Int32(bytes[offset + $1]) << (8 * Int32($1)) }
  }
}
