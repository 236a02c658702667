import Gyre

/// What the command line asks for.
struct HopOptions: Sendable {
  let measurement: Measurement
  private(set) var backend = BackendChoice.uring
  /// Round trips under way at once.
  private(set) var inFlight = 64
  /// Whether the ends have nothing else to do.
  private(set) var isAlone = false
  /// Round trips that are measured.
  private(set) var trips = 400_000

  static let usage =
    "\(Measurement.allCases.map(\.rawValue).joined(separator: "|"))"
    + " [--backend uring|epoll] [--in-flight COUNT] [--alone] [--trips COUNT]"

  /// Nil for what is not understood.
  init?(_ arguments: ArraySlice<String>) {
    var rest = arguments
    guard let measurement = rest.popFirst().flatMap(Measurement.init) else { return nil }
    self.measurement = measurement
    while let name = rest.popFirst() {
      if name == "--alone" {
        isAlone = true
        continue
      }
      guard let value = rest.popFirst(), set(name, to: value) else { return nil }
    }
  }

  private mutating func set(_ name: String, to value: String) -> Bool {
    if name == "--backend" {
      guard let choice = BackendChoice(rawValue: value) else { return false }
      backend = choice
      return true
    }
    guard let number = Int(value), number >= 0 else { return false }
    switch name {
    case "--in-flight": inFlight = max(1, number)
    case "--trips": trips = max(1, number)
    default: return false
    }
    return true
  }

  /// The round trips that each parcel makes.
  var tripsEach: Int { max(1, trips / inFlight) }
}
