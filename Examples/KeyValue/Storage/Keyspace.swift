/// The keys, without those that have ended: a key is looked at and removed when somebody asks for it, and a part of all
/// keys ten times a second (`removeSomeEnded`), so that keys nobody asks for go, too.
final class Keyspace {
  let table: Table
  private var time: Int64?
  private var nextBucket = 0
  /// Keys that ended by themselves.
  private(set) var endedCount = 0

  /// Buckets looked at at once: some hundred microseconds' work.
  private static let bucketsAtOnce = 20_000

  init(_ table: Table) { self.table = table }

  /// Milliseconds since 1970; one moment for all requests that came together.
  var now: Int64 {
    if let time { return time }
    let time = WallClock.milliseconds
    self.time = time
    return time
  }

  /// Lets time go on.
  @inline(__always)
  func beginMoment() { time = nil }

  /// The key's entry, valid until the next change of any key.
  @inline(__always)
  func find(_ key: RawSpan) -> Entry? {
    guard let entry = table.find(key) else { return nil }
    if entry.header.pointee.expiry == 0 || !entry.hasEnded(at: now) { return entry }
    table.remove(key)
    endedCount += 1
    return nil
  }

  /// Sets when a key ends, or removes it if that is now or was before. At 0 it has no end.
  func setEnd(of entry: Entry, _ key: RawSpan, at end: Int64) {
    if end == 0 || end > now { table.setExpiry(of: entry, to: end) } else { table.remove(key) }
  }

  /// A time from `start` on in milliseconds since 1970; `nil` if it is out of range.
  static func end(_ time: Int64, unit: Int64, after start: Int64) -> Int64? {
    let (milliseconds, overflows) = time.multipliedReportingOverflow(by: unit)
    let (end, overflowsToo) = milliseconds.addingReportingOverflow(start)
    return overflows || overflowsToo ? nil : end
  }

  /// A part of the entries that have not ended and whose keys fit, valid until the next change of any key; and where to
  /// go on (`Table.visit`).
  func entries(from cursor: Int, limit: Int, _ pattern: Glob?) -> ([Entry], next: Int) {
    var found: [Entry] = []
    let next = table.visit(from: cursor, limit: limit) { entry in
      if !entry.hasEnded(at: now), pattern?.matches(entry.key) ?? true { found.append(entry) }
    }
    return (found, next)
  }

  func removeSomeEnded() {
    guard table.expiringCount > 0 else { return }
    beginMoment()
    let before = table.count
    nextBucket = table.removeEnded(at: now, fromBucket: nextBucket, limit: Keyspace.bucketsAtOnce)
    endedCount += before - table.count
  }
}
