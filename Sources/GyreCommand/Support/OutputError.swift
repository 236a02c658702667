import Gyre

/// A command's output could not be written.
struct OutputError: Error, CustomStringConvertible {
  let errno: Errno

  var description: String { "the output cannot be written: \(errno)" }
}
