import Glibc

/// What an operation costs a loop beside many others of its kind that wait. `scripts/bench scaling` runs it for each operation
/// and each number of others in turn.
///
/// `scaling-bench --operation NAME [--backend uring|epoll] [--idle COUNT] [--count COUNT]` makes one measurement and prints it
/// as JSON: processor time of the loop's thread for an operation. `Operation` says what each is, and beside what.
@main
enum ScalingBench {
  static func main() async throws {
    if CommandLine.arguments.dropFirst().first == Holder.option {
      return try Holder.run(Array(CommandLine.arguments.dropFirst(2)))
    }
    guard let options = ScalingOptions(CommandLine.arguments.dropFirst()) else {
      print("usage: scaling-bench \(ScalingOptions.usage)")
      exit(2)
    }
    do {
      try DescriptorLimit.raise(to: options.descriptors)
      print(try await Stage(options).measure().json)
    } catch {
      print("scaling-bench: \(error)")
      exit(1)
    }
    fflush(nil)
    // What waits is not taken down: that is not measured here.
    _exit(0)
  }
}
