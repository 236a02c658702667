import CoreMetrics

/// A counter for a number that only grows and that is read now and then: it is told of what has been added since.
struct GrowingCounter: Sendable {
  private let counter: Counter
  private var before: Int

  /// - Parameter start: what the number was before it counts.
  init(_ name: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory, from start: Int = 0) {
    counter = Counter(label: name, dimensions: dimensions, factory: factory)
    before = start
  }

  /// Notes the number as it is now.
  ///
  /// - Returns: what has been added.
  @discardableResult
  mutating func note(_ number: Int) -> Int {
    let added = max(0, number - before)
    before = number
    if added > 0 { counter.increment(by: added) }
    return added
  }

  func destroy() { counter.destroy() }
}
