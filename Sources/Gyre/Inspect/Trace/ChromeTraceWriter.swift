/// Writes entries of the Trace Event Format, in which each is a JSON object of its own. The texts are Gyre's own names and
/// numeric addresses: nothing in them needs escaping.
struct ChromeTraceWriter {
  private(set) var entries: [String] = []
  private let start: UInt64
  private var spans = 0

  /// - Parameter start: the moment that counts as 0.
  init(start: UInt64) { self.start = start }

  /// The whole file.
  static func document(_ entries: [String], lost: Int) -> String {
    let list = entries.joined(separator: ",\n")
    return "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"lostEvents\":\"\(lost)\"},\"traceEvents\":[\n\(list)\n]}\n"
  }

  mutating func name(_ connection: Int, peer: SocketAddress?) {
    let name = "connection \(connection)" + (peer.map { " from \($0)" } ?? "")
    add("M", "process_name", connection, ",\"args\":{\"name\":\"\(name)\"}")
    add("M", "thread_name", connection, ",\"args\":{\"name\":\"events\"}")
  }

  /// A span that may overlap with others: a pair of entries with a number of their own.
  mutating func add(_ span: HandoffSpans.Span, of connection: Int) {
    spans += 1
    let common = ",\"cat\":\"queue\",\"id\":\(spans)"
    add("b", span.stage.rawValue, connection, common + ",\"args\":{\"value\":\(span.value)}", at: span.start)
    add("e", span.stage.rawValue, connection, common, at: span.end)
  }

  mutating func add(_ event: HandoffTrace.Event) {
    let synQueue = event.synQueue.map { ",\"synQueue\":\($0)" } ?? ""
    let arguments = ",\"s\":\"t\",\"args\":{\"value\":\(event.value)\(synQueue)}"
    add("i", event.handoff.title, event.connection, arguments, at: event.time)
  }

  private mutating func add(_ phase: String, _ name: String, _ connection: Int, _ rest: String, at time: UInt64? = nil)
  {
    let time = time.map { ",\"ts\":\(microseconds($0))" } ?? ""
    entries.append("{\"ph\":\"\(phase)\",\"name\":\"\(name)\",\"pid\":\(connection),\"tid\":1\(time)\(rest)}")
  }

  private func microseconds(_ time: UInt64) -> String {
    let nanoseconds = time - start
    let fraction = String(nanoseconds % 1000)
    return "\(nanoseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }
}
