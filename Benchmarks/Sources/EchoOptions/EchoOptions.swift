import Glibc

/// The command line that every server here understands: `[--port PORT] [--sink]`, and what one understands beside it.
public struct EchoOptions: Sendable {
  /// 0, the default, lets the kernel pick one.
  public private(set) var port = 0
  /// Whether to discard what is received instead of sending it back.
  public private(set) var isSink = false
  /// The others' values by their names, without the dashes; a flag's value is empty.
  public private(set) var others: [String: String] = [:]

  /// Reads the command line. A wrong one is explained and ends the process.
  ///
  /// - Parameters:
  ///   - flags: names of further options without a value.
  ///   - values: names of further options with one.
  public init(flags: Set<String> = [], values: Set<String> = []) {
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      let name = String(argument.drop { $0 == "-" })
      if name == "sink" {
        isSink = true
      } else if name == "port", let number = arguments.popFirst().flatMap({ UInt16($0) }) {
        port = Int(number)
      } else if flags.contains(name) {
        others[name] = ""
      } else if values.contains(name), let value = arguments.popFirst() {
        others[name] = value
      } else {
        EchoOptions.explain(flags, values)
      }
    }
  }

  private static func explain(_ flags: Set<String>, _ values: Set<String>) -> Never {
    let more = flags.sorted().map { " [--\($0)]" } + values.sorted().map { " [--\($0) VALUE]" }
    let usage = "usage: \(CommandLine.arguments[0]) [--port PORT] [--sink]\(more.joined())\n"
    _ = write(STDERR_FILENO, usage, usage.utf8.count)
    exit(2)
  }
}

/// Tells whoever started the server where it listens. Flushed, because a pipe is not line-buffered.
public func announce(port: Int?) {
  print("listening on 127.0.0.1:\(port ?? 0)")
  fflush(nil)
}
