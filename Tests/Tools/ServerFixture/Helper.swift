import Foundation
import Synchronization

/// A program that the fixture starts before its server runs. It ends with the tests, as its standard input does.
enum Helper {
  private static let process = Atomic<pid_t>(0)

  static func start() {
    var words: [UnsafeMutablePointer<CChar>?] = [strdup("cat"), nil]
    defer { free(words[0]) }
    var number: pid_t = 0
    // It returns when the program runs, without what is closed on the way.
    precondition(posix_spawnp(&number, "cat", nil, nil, &words, environ) == 0, "no cat")
    process.store(number, ordering: .relaxed)
  }

  /// Those that it has inherited, in order.
  static var descriptors: String {
    let entries = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.load(ordering: .relaxed))/fd")
    return (entries ?? []).compactMap(Int.init).sorted().map(String.init).joined(separator: " ")
  }
}
