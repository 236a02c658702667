import Testing

@testable import GyreCommand

@Suite struct CommandPartsTests {
  @Test(arguments: [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")])
  func counts(value: Int, text: String) { #expect(Quantity.count(value) == text) }

  @Test(arguments: [
    (0, "0 ns"), (999, "999 ns"), (1000, "1.00 µs"), (12_340, "12.3 µs"), (999_400, "999 µs"), (999_600, "1.00 ms"),
    (99_960_000, "100 ms"), (7_894_000_000, "7.89 s"), (7_200_000_000_000, "7200 s"),
  ])
  func durations(nanoseconds: UInt64, text: String) { #expect(Quantity.duration(nanoseconds: nanoseconds) == text) }

  @Test(arguments: [(0, "0 B"), (1023, "1023 B"), (1536, "1.50 KiB"), (8_388_608, "8.00 MiB")])
  func bytes(value: Double, text: String) { #expect(Quantity.bytes(value) == text) }

  @Test(arguments: [
    (-1, "0.0"), (0.04, "0.0"), (99.95, "100.0"), (.nan, "0.0"), (.infinity, "1844674407370955161.5"),
    (1e300, "1844674407370955161.5"),
  ])
  func decimals(value: Double, text: String) { #expect(Quantity.decimal(value, places: 1) == text) }

  @Test func aTableIsAsWideAsItsCells() {
    var table = TextTable(.left, .right)
    table.add("a", "1 000")
    table.add("long", "1")
    #expect(table.lines == ["  a     1 000", "  long      1"])
  }

  @Test func proseIsBrokenBetweenWords() {
    #expect(Prose.wrap("one two three", indent: "  ", width: 9) == ["  one two", "  three"])
    #expect(Prose.wrap("", indent: "  ") == [])
  }

  @Test func aPatternKnowsItsOwnBytes() {
    let pattern = BytePattern(longest: 100)
    let copy = (0..<200_000).map { pattern.bytes(at: $0, count: 1).unsafeLoad(as: UInt8.self) }
    let itself = pattern.matches(copy.span.bytes, at: 0)
    let elsewhere = pattern.matches(copy.span.bytes, at: 1)
    let part = pattern.matches(copy.span.bytes.extracting(65_500..<70_000), at: 65_500)
    #expect(itself && part && !elsewhere)
  }

  @Test func requestsKeepTheirDepth() {
    var stream = RequestStream(size: 10, depth: 3, first: 0)
    #expect(stream.sendable(wanted: true) == 30)
    stream.send(30, now: 100)
    #expect(stream.sendable(wanted: true) == 0)
    var times: [UInt64] = []
    stream.receive(15, now: 150) { times.append($0) }
    #expect(times == [50])
    #expect(stream.sendable(wanted: true) == 10)
    #expect(stream.sendable(wanted: false) == 0)
    stream.send(10, now: 160)
    stream.receive(25, now: 200) { times.append($0) }
    #expect(times == [50, 100, 100, 40])
    #expect(stream.owed == 0)
    #expect(stream.unanswered == 0)
  }

  @Test func largeRequestsGoOutInParts() {
    var stream = RequestStream(size: 100_000, depth: 2, first: 7)
    #expect(stream.sendable(wanted: true) == RequestStream.window)
    stream.send(RequestStream.window, now: 1)
    #expect(stream.unanswered == 1)
    #expect(stream.sendable(wanted: true) == 0)
    stream.receive(60_000, now: 2) { _ in Issue.record("the request is not answered yet") }
    #expect(stream.sendable(wanted: true) == 60_000)
    #expect(stream.sendable(wanted: false) == 100_000 - RequestStream.window)
  }
}
