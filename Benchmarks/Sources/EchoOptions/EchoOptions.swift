import Glibc

/// The command line that every echo server here understands.
public struct EchoOptions: Sendable {
  /// The port to listen on; 0 lets the kernel pick one.
  public let port: Int

  /// Flags other than `--port`, such as `--on-loop`.
  public let flags: Set<String>

  /// Parses the process's arguments, or explains the problem and exits with status 2.
  public init(allowing allowedFlags: Set<String> = []) {
    var port = 0
    var flags: Set<String> = []
    var arguments = CommandLine.arguments.dropFirst().makeIterator()
    while let argument = arguments.next() {
      if argument == "--port", let value = arguments.next().flatMap(UInt16.init) {
        port = Int(value)
      } else if allowedFlags.contains(argument) {
        flags.insert(argument)
      } else {
        Self.exitWithUsage(allowedFlags)
      }
    }
    self.port = port
    self.flags = flags
  }

  private static func exitWithUsage(_ flags: Set<String>) -> Never {
    let usage = (["--port PORT"] + flags.sorted()).map { "[\($0)]" }.joined(separator: " ")
    let message = "usage: \(CommandLine.arguments[0]) \(usage)\n"
    _ = write(STDERR_FILENO, message, message.utf8.count)
    exit(2)
  }
}

/// Tells whoever started the server where it listens. Flushed, because a pipe is not line-buffered.
public func announce(port: Int?) {
  print("listening on 127.0.0.1:\(port ?? 0)")
  fflush(nil)
}
