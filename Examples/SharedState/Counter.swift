/// Something that counts for all threads.
protocol Counter: Sendable {
  /// What the table calls it.
  var name: String { get }

  /// Adds one so many times, for the loop of this number. The repetition is in here: around it, the call through the
  /// protocol would cost more than most of what is compared.
  func add(times count: Int, onLoop number: Int) async

  /// What all loops have added, once they are done.
  func total() async -> Int
}
