/// The keys, without those that have ended: a key is looked at and removed when somebody asks for it, and a part of all
/// keys ten times a second (`removeSomeEnded`), so that keys nobody asks for go, too.
final class Keyspace {
  let table: Table
  private var time: Int64?
  private var nextBucket = 0
  /// What the requests of this moment took beyond their own bytes and their answers': about that many bytes touched.
  private(set) var effort = 0
  /// Keys that ended by themselves.
  private(set) var endedCount = 0

  /// Buckets looked at at once: some hundred microseconds' work.
  private static let bucketsAtOnce = 20_000

  /// Buckets of one part of all entries, and bytes of keys after which it gets no other bucket.
  private static let mostScanned = 10_000
  private static let mostKeyBytes = 1 << 20
  /// Bytes that the processor reads from memory at once.
  private static let line = 64

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
  func beginMoment() {
    time = nil
    effort = 0
  }

  /// Counts bytes that a request makes the server touch beyond its own and its answer's.
  func spend(_ bytes: Int) { effort += bytes }

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

  /// The entries that have not ended and whose keys fit, valid until the next change of any key.
  func entries(_ pattern: Glob) -> [Entry] {
    var found: [Entry] = []
    table.forEach { entry in
      spend(Keyspace.line + entry.key.count)
      if fits(entry, pattern) { found.append(entry) }
    }
    return found
  }

  /// The same of about `limit` buckets, and where to go on (`Table.visitBucket`). No caller gets more than
  /// `mostScanned` and `mostKeyBytes` at once, whatever it asks for: all others wait meanwhile.
  func entries(from cursor: Int, limit: Int, _ pattern: Glob?) -> ([Entry], next: Int) {
    var found: [Entry] = []
    var (next, buckets, keyBytes) = (cursor, 0, 0)
    defer { spend(Keyspace.line * buckets + keyBytes) }
    repeat {
      next = table.visitBucket(at: next) { entry in
        keyBytes += entry.key.count
        if fits(entry, pattern) { found.append(entry) }
      }
      buckets += 1
    } while next != 0 && buckets < min(limit, Keyspace.mostScanned) && keyBytes < Keyspace.mostKeyBytes
    return (found, next)
  }

  private func fits(_ entry: Entry, _ pattern: Glob?) -> Bool {
    !entry.hasEnded(at: now) && pattern?.matches(entry.key) ?? true
  }

  func removeSomeEnded() {
    guard table.expiringCount > 0 else { return }
    beginMoment()
    let before = table.count
    nextBucket = table.removeEnded(at: now, fromBucket: nextBucket, limit: Keyspace.bucketsAtOnce)
    endedCount += before - table.count
  }
}
