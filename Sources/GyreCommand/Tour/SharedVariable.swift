import Synchronization

/// A number in memory that all threads of the process have in common.
final class SharedVariable: Sendable {
  private let number = Atomic<Int>(0)

  var value: Int {
    get { number.load(ordering: .acquiring) }
    set { number.store(newValue, ordering: .releasing) }
  }

  /// Where it is.
  var address: Int { Int(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }
}
