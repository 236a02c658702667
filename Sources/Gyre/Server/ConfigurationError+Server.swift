extension ConfigurationError {
  static let secondServer = ConfigurationError(
    "this program runs a server of several processes already: give one of the two a pattern of threads, or a program of its own"
  )
}
