/// The command line was wrong; the description says what a right one looks like.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}
