/// Something that counts for all threads.
protocol Counter: Sendable {
  /// What the table calls it.
  var name: String { get }

  /// Adds one, for the loop of this number.
  func add(onLoop number: Int) async

  /// What all loops have added, once they are done.
  func total() async -> Int
}
