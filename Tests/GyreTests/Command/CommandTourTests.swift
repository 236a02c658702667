import Foundation
import Glibc
import Testing

@testable import Gyre
@testable import GyreCommand

/// Every chapter, by its numbers.
@Suite struct CommandTourTests {
  /// What a chapter saw: by moment, by name.
  private struct Numbers {
    let moments: [String: [String: Any]]

    subscript(_ moment: String, _ name: String) -> Int? { moments[moment]?[name] as? Int }

    func duration(_ moment: String, _ name: String) throws -> Double {
      try #require(moments[moment]?[name] as? Double, "\(moment).\(name)")
    }
  }

  private static func run(_ chapter: Int, _ backend: Backend) async throws -> Numbers {
    let tour = try await CommandProgram.run("tour", "\(chapter)", "--json", "--backend", backend.rawValue)
    try #require(tour.status == 0, "\(tour.errors)")
    let object = try tour.object()
    #expect(Set(object.keys) == ["chapter", "title", "backend", "numbers"])
    #expect(object["chapter"] as? Int == chapter)
    #expect(object["backend"] as? String == backend.rawValue)
    return Numbers(moments: try #require(object["numbers"] as? [String: [String: Any]]))
  }

  @Test(arguments: Backends.available)
  func threadsShareAndProcessesDoNot(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(1, backend)
    let threads = ["main", "loop1", "loop2"]
    #expect(Set(threads.map { numbers[$0, "pid"] }).count == 1)
    #expect(Set(threads.map { numbers[$0, "tid"] }).count == 3)
    #expect(threads.map { numbers[$0, "reads"] } == [3, 3, 3])
    #expect(numbers["child", "pid"] != numbers["parent", "pid"])
    #expect(numbers.moments["child"]?["address"] as? String == numbers.moments["parent"]?["address"] as? String)
    #expect(numbers["parent", "reads"] == 1)
    #expect(numbers["child", "reads"] == 2)
  }

  @Test(arguments: Backends.available)
  func aHandshakeGoesThroughBothQueues(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(2, backend)
    let moments = ["before", "halfOpen", "queued", "accepted"]
    #expect(moments.map { numbers[$0, "synQueue"] } == [0, 6, 0, 0])
    #expect(moments.map { numbers[$0, "acceptQueue"] } == [0, 0, 6, 0])
    #expect(moments.map { numbers[$0, "accepted"] } == [0, 0, 0, 6])
    #expect(numbers["before", "acceptQueueLimit"] == 8)
  }

  @Test(arguments: Backends.available)
  func theAcceptQueueOverflows(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(3, backend)
    #expect(numbers["overflowed", "acceptQueue"] == 3)
    #expect(numbers["overflowed", "acceptQueueLimit"] == 2)
    #expect((numbers["overflowed", "drops"] ?? 0) >= 5)
    #expect((numbers["overflowed", "overflows"] ?? 0) >= 5)
    #expect(numbers["overflowed", "synSent"] == 5)
    #expect(numbers["accepting", "acceptQueue"] == 0)
    #expect(numbers["accepting", "synSent"] == 0)
    // A second is how long a client waits before it tries again.
    #expect(try numbers.duration("connect", "slowestMicroseconds") >= 900_000)
  }

  @Test(arguments: Backends.available)
  func acceptingMakesTheDescriptor(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(4, backend)
    #expect(numbers["queued", "acceptQueue"] == 1)
    #expect(numbers["queued", "inode"] == 0)
    #expect(numbers["queued", "descriptor"] == nil)
    #expect((numbers["ordinary", "inode"] ?? 0) > 0)
    #expect((numbers["ordinary", "descriptor"] ?? 0) > 2)
    #expect(backend == .uring || numbers.moments["direct"] == nil)
    if numbers.moments["direct"] != nil { #expect((numbers["direct", "inode"] ?? 0) > 0) }
  }

  @Test(arguments: Backends.available)
  func aReaderThatPausesSuspendsTheSender(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(5, backend)
    let sent = try #require(numbers["suspended", "sent"])
    #expect(sent < 1 << 20)
    #expect(numbers["suspended", "window"] == 0)
    #expect((numbers["suspended", "sendQueue"] ?? 0) > 0)
    #expect((numbers["suspended", "receiveQueue"] ?? 0) > 0)
    #expect(numbers["read", "read"] == 1 << 20)
    #expect(numbers["read", "sent"] == 1 << 20)
    #expect((numbers["read", "window"] ?? 0) > 0)
    #expect(numbers["read", "receiveQueue"] == 0)
  }

  @Test(arguments: Backends.available)
  func whatIsSentIsNotAcknowledged(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(6, backend)
    #expect(numbers["sent", "sendQueue"] == 1000)
    #expect(numbers["sent", "unacknowledged"] == 1000)
    #expect(numbers["sent", "unsent"] == 0)
    #expect(numbers["delayed", "sendQueue"] == 0)
    #expect(numbers["answered", "sendQueue"] == 0)
    #expect(try numbers.duration("delayed", "afterMicroseconds") > numbers.duration("sent", "afterMicroseconds"))
  }

  @Test func completionsNeedFewerCalls() async throws {
    let numbers = try await CommandTourTests.run(7, Backends.available[0])
    let epoll = try #require(numbers["calls", "epoll"])
    let busy = try #require(numbers["busyCalls", "epoll"])
    // Each request is received and answered by a call of its own.
    #expect(epoll >= 200)
    #expect(busy >= 1000)
    guard Backends.available.contains(.uring) else { return }
    #expect(try #require(numbers["calls", "uring"]) < epoll)
    #expect(try #require(numbers["busyCalls", "uring"]) < busy / 2)
  }

  /// Without the tracer the driver's own counters are shown, and it is said.
  @Test func callsAreCountedWithoutTheTracer() async throws {
    let run = try await CommandProgram.run("tour", "7", "--json", environment: ["PATH": "/nonexistent"])
    let moments = try #require(try run.object()["numbers"] as? [String: [String: Any]])
    #expect(moments["method"]?["by"] as? String == "strace is not installed")
    #expect((moments["others"]?["epoll"] as? Int ?? 0) >= 200)
    #expect((moments["waits"]?["epoll"] as? Int ?? 0) >= 100)
    guard Backends.available.contains(.uring) else { return }
    // Lone answers, at most; the last of what many clients asked at once may be one as well.
    #expect((moments["others"]?["uring"] as? Int ?? .max) <= 110)
    #expect((moments["busy_others"]?["uring"] as? Int ?? .max) < 250)
  }

  @Test(arguments: Backends.available)
  func theRightThreadsAnswer(backend: Backend) async throws {
    let numbers = try await CommandTourTests.run(8, backend)
    func all(_ pattern: String, _ name: String) -> [Int] {
      (1...3).compactMap { numbers["\(pattern)\($0)", name] }
    }
    for pattern in ["thread", "dispatcher", "threads", "processes"] {
      #expect(all(pattern, "connections").reduce(0, +) == 24)
    }
    #expect(numbers["thread1", "connections"] == 24)
    #expect(numbers["threads1", "listeners"] == 3)
    #expect(numbers["processes1", "listeners"] == 3)
    #expect(all("dispatcher", "connections") == [12, 12])
    #expect(Set(all("dispatcher", "acceptedBy")).count == 1)
    #expect(Set(all("dispatcher", "acceptedBy")).isDisjoint(with: all("dispatcher", "answeredBy")))
    #expect(all("threads", "acceptedBy") == all("threads", "answeredBy"))
    #expect(Set(all("threads", "pid") + all("dispatcher", "pid") + all("thread", "pid")).count == 1)
    let processes = all("processes", "pid")
    #expect(Set(processes).count == processes.count && !processes.contains(numbers["thread1", "pid"] ?? 0))
  }

  @Test func pagesAreCopiedWhenWritten() async throws {
    let numbers = try await CommandTourTests.run(9, Backends.available[0])
    let size = 32 << 20
    let moments = ["before", "forked", "quarter", "all"]
    #expect(moments.map { numbers[$0, "own"] } == [size, 0, size / 4, size])
    #expect(moments.map { numbers[$0, "shared"] } == [0, size, size - size / 4, 0])
    #expect(moments.map { numbers[$0, "copyOwn"] } == [nil, 0, size / 4, size])
    let faults = moments.compactMap { numbers[$0, "faults"] }
    #expect(faults[2] - faults[1] >= size / 4 / 4096)
    #expect(faults[3] - faults[2] >= size / 4 * 3 / 4096)
    #expect(numbers.moments["snapshot"]?["reads"] as? String == "what was there at the fork")
  }

  @Test func textHasTheTitleAndTheNumbers() async throws {
    let tour = try await CommandProgram.run("tour", "2")
    #expect(tour.status == 0)
    #expect(tour.output.hasPrefix("2  The three-way handshake and its two queues\n"))
    #expect(tour.output.contains("6 of 8"))
    #expect(tour.output.contains("\nTry: "))
    #expect(!tour.output.contains("\u{1b}"))
    #expect(tour.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test(arguments: ["0", "10"])
  func aChapterThatIsNotThereIsAnError(number: String) async throws {
    let tour = try await CommandProgram.run("tour", number)
    #expect(tour.status == EX_USAGE)
    #expect(tour.errors.contains("there is no chapter \(number): use 1 to 9"))
  }
}

/// The tour's readers of what other programs write.
@Suite struct TourReaderTests {
  @Test(arguments: [
    ("12 recvfrom(9, \"x\", 4, 0, NULL, NULL) = 1", SystemCall(name: "recvfrom")),
    ("12 recvfrom(9, 0x7f, 4, 0, NULL, NULL) = -1 EAGAIN (Resource…)", SystemCall(name: "recvfrom", error: "EAGAIN")),
    ("12 read(0,  <unfinished ...>", SystemCall(name: "read")), ("12 <... read resumed>\"\", 1) = 0", nil),
    ("12 --- SIGCHLD {si_signo=SIGCHLD} ---", nil), ("12 +++ exited with 0 +++", nil), ("", nil),
  ])
  func systemCalls(line: String, call: SystemCall?) { #expect(SystemCall(line: line) == call) }

  @Test func aMappingIsFoundAmongOthers() {
    let text = """
      1000-3000 rw-p 00000000 00:00 0
      Private_Dirty:         8 kB
      3000-5000 rw-p 00000000 00:00 0   [heap]
      Shared_Dirty:          4 kB
      Private_Clean:        12 kB
      """
    func sizes(_ address: UInt) -> [Int] {
      let mapping = MemoryMapping(text: text, address: address)
      return [mapping.own, mapping.shared]
    }
    #expect(sizes(0x3000) == [12288, 4096])
    #expect(sizes(0x2fff) == [8192, 0])
    #expect(sizes(0x5000) == [0, 0])
  }
}
