import Glibc
import Testing

/// ThreadSanitizer has a thread of its own, beside which no program may fork.
enum ThreadSanitizer {
  static let isOn = dlsym(nil, "__tsan_init") != nil

  static let comment: Comment = "fork is refused beside ThreadSanitizer's own thread"
}
