import Glibc

/// Which backend a loop is to use.
public enum BackendChoice: String, Sendable, CaseIterable {
  /// io_uring where the kernel allows it, otherwise epoll; the environment variable `GYRE_BACKEND` (`uring` or `epoll`)
  /// decides where it is set.
  case automatic = "auto"
  /// io_uring, or an error.
  case uring
  /// epoll.
  case epoll

  /// The choice after asking the environment.
  ///
  /// - Throws: `ConfigurationError` if `GYRE_BACKEND` names no backend.
  func resolved() throws(ConfigurationError) -> BackendChoice {
    guard self == .automatic, let value = getenv("GYRE_BACKEND") else { return self }
    let name = String(cString: value)
    if name.isEmpty { return self }
    guard let choice = BackendChoice(rawValue: name) else {
      throw ConfigurationError("GYRE_BACKEND is “\(name)”: use auto, uring or epoll")
    }
    return choice
  }
}
