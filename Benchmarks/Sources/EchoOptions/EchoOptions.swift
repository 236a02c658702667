import Glibc

/// The command line that every echo server here understands: `[--port PORT]`.
///
/// Port 0, the default, lets the kernel pick one. A wrong command line is explained and ends the process.
public func portFromCommandLine() -> Int {
  let arguments = CommandLine.arguments
  if arguments.count == 1 {
    return 0
  }
  guard arguments.count == 3, arguments[1] == "--port", let port = UInt16(arguments[2]) else {
    let usage = "usage: \(arguments[0]) [--port PORT]\n"
    _ = write(STDERR_FILENO, usage, usage.utf8.count)
    exit(2)
  }
  return Int(port)
}

/// Tells whoever started the server where it listens. Flushed, because a pipe is not line-buffered.
public func announce(port: Int?) {
  print("listening on 127.0.0.1:\(port ?? 0)")
  fflush(nil)
}
