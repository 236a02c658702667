import Glibc

/// Memory that a process and its forked copy share until one of them writes.
struct CopyOnWriteTrial: Codable {
  /// What the kernel says of that memory at one moment: bytes.
  struct Sample: Codable {
    /// Of the parent: in pages of its own, and in pages that it shares.
    let own: Int
    let shared: Int
    /// The same of the copy; `nil` before there is one.
    let copyOwn: Int?
    let copyShared: Int?
    /// Pages that the parent has been given so far, each by a fault.
    let faults: Int
  }

  let before, forked, quarter, all: Sample
  /// Whether the copy, at the end, still reads what was there at the fork.
  let isFrozen: Bool

  private static let size = 32 << 20
  private static let page = 4096

  static func run() throws -> CopyOnWriteTrial {
    let memory = try map()
    defer { munmap(memory, size) }
    fill(memory, 0..<size, with: 1)
    let begin = faults
    func sample(_ child: ForkedProcess?) throws -> Sample {
      let (own, copy) = (MemoryMapping.read(at: memory), try child?.ask(0))
      return Sample(own: own.own, shared: own.shared, copyOwn: copy?[0], copyShared: copy?[1], faults: faults - begin)
    }
    let before = try sample(nil)
    let child = try ForkedProcess { question in
      if question == 1 { return [isFilled(memory, with: 1) ? 1 : 0] }
      let mapping = MemoryMapping.read(at: memory)
      return [mapping.own, mapping.shared]
    }
    defer { child.end() }
    let forked = try sample(child)
    fill(memory, 0..<size / 4, with: 2)
    let quarter = try sample(child)
    fill(memory, size / 4..<size, with: 2)
    let all = try sample(child)
    let isFrozen = try child.ask(1) == [1]
    return CopyOnWriteTrial(before: before, forked: forked, quarter: quarter, all: all, isFrozen: isFrozen)
  }

  /// Memory in small pages: huge ones would be copied 2 MiB at a time.
  private static func map() throws -> UnsafeMutableRawPointer {
    let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw TourError("no memory") }
    madvise(memory, size, MADV_NOHUGEPAGE)
    return memory
  }

  /// Writes to each page of a part.
  private static func fill(_ memory: UnsafeMutableRawPointer, _ part: Range<Int>, with value: UInt8) {
    // The mapping is as long as the part's end, and lives until the trial is over.
    for offset in stride(from: part.lowerBound, to: part.upperBound, by: page) {
      memory.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }
  }

  private static func isFilled(_ memory: UnsafeMutableRawPointer, with value: UInt8) -> Bool {
    stride(from: 0, to: size, by: page).allSatisfy { memory.load(fromByteOffset: $0, as: UInt8.self) == value }
  }

  /// Faults that needed no disk, of this process so far. `getrusage(2)`
  private static var faults: Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_minflt
  }
}
