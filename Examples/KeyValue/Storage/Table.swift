import Glibc

/// A hash table of entries that grows by one bucket at a time (linear hashing).
///
/// No insertion pays for all the others, as it does where the whole table is rebuilt at twice its size; and during a
/// background save that matters twice, since each page touched is a page copied. Keys are hashed with Swift's `Hasher`,
/// which is seeded at random for each process: nobody outside can make them collide.
final class Table {
  private(set) var count = 0
  /// Entries that end at some time.
  private(set) var expiringCount = 0
  /// Bytes of all entries' blocks and of the buckets.
  private(set) var memory = 0

  // Allocated until `deinit`; every entry in it belongs to it alone.
  private var buckets: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private var bucketCount: Int
  private var bucketCapacity: Int
  /// A power of two: buckets from here on are the upper halves of those that have been split.
  private var level: Int

  private static let fewestBuckets = 16

  init() {
    buckets = Table.makeBuckets(Table.fewestBuckets)
    bucketCount = Table.fewestBuckets
    bucketCapacity = Table.fewestBuckets
    level = Table.fewestBuckets
    memory = Table.fewestBuckets * 8
  }

  deinit {
    freeEntries()
    free(buckets)
  }

  // MARK: One key

  @inline(__always)
  func find(_ key: RawSpan) -> Entry? {
    key.withUnsafeBytes { key in
      let hash = Table.hash(key)
      return link(to: key, hash).pointee.map(Entry.init)
    }
  }

  /// Sets a key's value, leaving when it ends as it was; a new key has no end.
  @discardableResult
  @inline(__always)
  func set(_ key: RawSpan, to value: RawSpan) -> Entry {
    key.withUnsafeBytes { key in value.withUnsafeBytes { value in set(key, to: value) } }
  }

  func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) -> Entry {
    let hash = Table.hash(key)
    let link = link(to: key, hash)
    guard let block = link.pointee else {
      let entry = insert(key, hash, valueLength: value.count)
      entry.setValue(value)
      return entry
    }
    var entry = Entry(block: block)
    if !entry.suits(valueLength: value.count) { entry = resize(entry, at: link, valueLength: value.count) }
    entry.setValue(value)
    return entry
  }

  /// Makes a key's value at least so long, with zeros behind what it was. A new key has no end.
  func extend(_ key: RawSpan, to length: Int) -> Entry {
    key.withUnsafeBytes { key in
      let hash = Table.hash(key)
      let link = link(to: key, hash)
      var entry = link.pointee.map(Entry.init) ?? insert(key, hash, valueLength: length)
      if length > Int(entry.header.pointee.capacity) { entry = resize(entry, at: link, valueLength: length) }
      entry.extend(to: length)
      return entry
    }
  }

  private func resize(
    _ entry: Entry,
    at link: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    valueLength: Int
  ) -> Entry {
    memory -= entry.size
    let entry = entry.resized(valueLength: valueLength)
    memory += entry.size
    link.pointee = entry.block
    return entry
  }

  /// Removes a key. False if it is not there.
  @discardableResult
  func remove(_ key: RawSpan) -> Bool {
    key.withUnsafeBytes { key in
      let link = link(to: key, Table.hash(key))
      guard let block = link.pointee else { return false }
      remove(Entry(block: block), at: link)
      return true
    }
  }

  /// Sets when a key ends, in milliseconds since 1970; 0 if it does not.
  @inline(__always)
  func setExpiry(of entry: Entry, to expiry: Int64) {
    guard entry.header.pointee.expiry != expiry else { return }
    if entry.header.pointee.expiry != 0 { expiringCount -= 1 }
    if expiry != 0 { expiringCount += 1 }
    entry.header.pointee.expiry = expiry
  }

  // MARK: All keys

  func forEach<Failure: Error>(_ body: (Entry) throws(Failure) -> Void) throws(Failure) {
    for index in 0..<bucketCount { try visit(bucket: index, body) }
  }

  /// Visits the entries of one bucket. Who begins at 0 and goes on until 0 comes back has seen all that were there all the
  /// time, whether the table grows or shrinks meanwhile; any other cursor costs one bucket, too.
  ///
  /// A cursor is a place in the order of the hashes read backwards, lowest bit first. In that order each bucket is one
  /// stretch, and those that it is split into are that stretch's halves: so what is before the cursor has been visited,
  /// whatever the buckets are by now.
  /// - Returns: where to go on; 0 at the end, and for what is no cursor.
  func visitBucket(at cursor: Int, _ body: (Entry) -> Void) -> Int {
    guard let place = UInt32(exactly: cursor) else { return 0 }
    let index = bucket(of: place.bitReversed)
    visit(bucket: index, body)
    // Buckets that were split, and their upper halves, tell one bit more of a hash.
    let isSplit = index < bucketCount - level || index >= level
    let stretch = 1 << (UInt32.bitWidth - level.trailingZeroBitCount - (isSplit ? 1 : 0))
    let next = (cursor / stretch + 1) * stretch
    return next <= UInt32.max ? next : 0
  }

  private func visit<Failure: Error>(bucket: Int, _ body: (Entry) throws(Failure) -> Void) throws(Failure) {
    var next = buckets[bucket]
    while let block = next {
      let entry = Entry(block: block)
      next = entry.header.pointee.next
      try body(entry)
    }
  }

  func removeAll() {
    freeEntries()
    free(buckets)
    buckets = Table.makeBuckets(Table.fewestBuckets)
    bucketCount = Table.fewestBuckets
    bucketCapacity = Table.fewestBuckets
    level = Table.fewestBuckets
    count = 0
    expiringCount = 0
    memory = Table.fewestBuckets * 8
  }

  /// Removes keys that have ended from `limit` buckets, beginning with bucket `start`.
  ///
  /// - Returns: where to go on.
  func removeEnded(at now: Int64, fromBucket start: Int, limit: Int) -> Int {
    var index = start
    for _ in 0..<min(limit, bucketCount) {
      if index >= bucketCount { index = 0 }
      removeEnded(at: now, inBucket: index)
      index += 1
    }
    return index
  }

  private func removeEnded(at now: Int64, inBucket index: Int) {
    var link = buckets + index
    while let block = link.pointee {
      let entry = Entry(block: block)
      if entry.hasEnded(at: now) { remove(entry, at: link) } else { link = Table.next(entry) }
    }
  }

  // MARK: Links

  /// Where the key's entry is linked from; `nil` is there, at the end of the bucket, if the key is not in the table.
  @inline(__always)
  private func link(
    to key: UnsafeRawBufferPointer,
    _ hash: UInt32
  ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    var link = buckets + bucket(of: hash)
    while let block = link.pointee {
      let entry = Entry(block: block)
      if entry.hasKey(key, hash: hash) { break }
      link = Table.next(entry)
    }
    return link
  }

  /// The place of an entry's `next`, which is its first member.
  @inline(__always)
  private static func next(_ entry: Entry) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    entry.block.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
  }

  /// A new entry with room for a value, which it does not have yet.
  private func insert(_ key: UnsafeRawBufferPointer, _ hash: UInt32, valueLength: Int) -> Entry {
    if count >= bucketCount { split() }
    let entry = Entry.make(key: key, hash: hash, valueLength: valueLength)
    add(entry)
    memory += entry.size
    count += 1
    return entry
  }

  private func remove(_ entry: Entry, at link: UnsafeMutablePointer<UnsafeMutableRawPointer?>) {
    link.pointee = entry.header.pointee.next
    if entry.header.pointee.expiry != 0 { expiringCount -= 1 }
    memory -= entry.size
    count -= 1
    entry.free()
  }

  // MARK: Buckets

  @inline(__always)
  private func bucket(of hash: UInt32) -> Int {
    let index = Int(hash) & (2 * level - 1)
    return index < bucketCount ? index : index - level
  }

  @inline(__always)
  private func add(_ entry: Entry) {
    let bucket = buckets + bucket(of: entry.header.pointee.hash)
    entry.header.pointee.next = bucket.pointee
    bucket.pointee = entry.block
  }

  /// Adds a bucket, and divides the entries of the one that it is the upper half of.
  private func split() {
    guard bucketCount < 1 << 31 else { return }
    if bucketCount == bucketCapacity { reserve(2 * bucketCapacity) }
    let lower = bucketCount - level
    buckets[bucketCount] = nil
    bucketCount += 1
    if bucketCount == 2 * level { level = bucketCount }
    var next = buckets[lower]
    buckets[lower] = nil
    while let block = next {
      let entry = Entry(block: block)
      next = entry.header.pointee.next
      add(entry)
    }
  }

  private func reserve(_ capacity: Int) {
    // Of a large block the kernel moves the pages' addresses, not their contents: mremap(2).
    buckets = realloc(buckets, capacity * 8)!.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    memory += (capacity - bucketCapacity) * 8
    bucketCapacity = capacity
  }

  private func freeEntries() { forEach { $0.free() } }

  private static func makeBuckets(_ count: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    calloc(count, 8)!.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
  }

  @inline(__always)
  private static func hash(_ key: UnsafeRawBufferPointer) -> UInt32 {
    var hasher = Hasher()
    hasher.combine(bytes: key)
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }
}

extension UInt32 {
  /// The bits in the opposite order.
  fileprivate var bitReversed: UInt32 {
    var bits = byteSwapped
    bits = (bits >> 4) & 0x0f0f_0f0f | (bits & 0x0f0f_0f0f) << 4
    bits = (bits >> 2) & 0x3333_3333 | (bits & 0x3333_3333) << 2
    return (bits >> 1) & 0x5555_5555 | (bits & 0x5555_5555) << 1
  }
}
