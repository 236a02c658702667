/// What one run says, as `scripts/bench` reads it: a line of JSON.
public struct Figures: Sendable {
  private let values: [(name: String, value: Double)]

  /// With values by their names: `cpu_ns`, and what else there is to tell.
  public init(_ values: [(name: String, value: Double)]) { self.values = values }

  /// The line.
  public var json: String { "{\(values.map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", "))}" }
}
