import Glibc

/// What containers are made of. `namespaces(7)`
enum Namespaces {
  /// Whether this process may make some for processes that it starts.
  static let areAllowed: Bool = {
    var number: pid_t = 0
    // Copies that live until the call returns, as it demands.
    let words: [UnsafeMutablePointer<CChar>?] =
      ["unshare", "--pid", "--fork", "true"].map { (word: String) in strdup(word) } + [nil]
    defer { for case let word? in words { free(word) } }
    guard posix_spawnp(&number, "unshare", nil, nil, words, environ) == 0 else { return false }
    var status: Int32 = 0
    while waitpid(number, &status, 0) < 0 && errno == EINTR {}
    return status == 0
  }()
}
