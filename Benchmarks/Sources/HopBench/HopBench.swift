import Glibc

/// What it costs to go from one thread to another and back. `scripts/bench hop wake` runs it for each variant in turn.
///
/// `hop-bench MEASUREMENT [--backend uring|epoll] [--in-flight COUNT] [--alone] [--trips COUNT]` makes one
/// measurement and prints it as JSON: processor time of the whole process for a round trip or a wake, and for round trips
/// the share of arrivals that did change the thread. `Hops` and `Wakes` say what is compared with what.
@main
enum HopBench {
  static func main() async throws {
    guard let options = HopOptions(CommandLine.arguments.dropFirst()) else {
      print("usage: hop-bench \(HopOptions.usage)")
      exit(2)
    }
    print(try await options.measurement.run(options).json)
  }
}
