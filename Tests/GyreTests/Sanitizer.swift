import Glibc
import Testing

/// The sanitizer that the tests are built with: `scripts/test --sanitize` says so in GYRE_SANITIZER.
enum Sanitizer {
  static let name = getenv("GYRE_SANITIZER").map { String(cString: $0) }

  static let isOn = name != nil
  static let isThreadSanitizer = name == "thread"

  static let forbidsForks: Comment = "fork is refused beside ThreadSanitizer's own thread"
  static let keepsMemory: Comment = "a sanitizer has memory of its own and keeps what was freed"
}
