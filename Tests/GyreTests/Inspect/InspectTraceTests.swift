import Foundation
import Glibc
import Testing

@testable import Gyre

/// The hand-off trace, of real connections.
@Suite(.serialized)
struct InspectTraceTests {
  @Test(arguments: Backends.available, Descriptors.available)
  func aRequestIsFollowedFromTheQueueToTheAcknowledgement(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withTrace(backend, descriptors) { loop, trace, pair in
      try await pair.client.send("hello")
      #expect(try await pair.server.receive()?.text == "hello")
      try await pair.server.send("goodbye")
      #expect(try await pair.client.receive(exactly: 7).count == 7)
      try await eventually("acknowledged") { trace.events.contains { $0.handoff == .acknowledged } }
      let peer = try await pair.client.localAddress
      #expect(trace.peer(of: 1) == peer)
      await pair.server.close()
      let events = trace.events
      #expect(events.allSatisfy { $0.connection == 1 })
      let times = events.map(\.time)
      #expect(times == times.sorted())
      let accepting: [Handoff] = [.queued, .acceptPosted, .acceptReaped, .acceptResumed]
      let receiving: [Handoff] = [.receiveQueue, .receivePosted, .receiveReaped, .receiveResumed]
      let sending: [Handoff] = [.sendSubmitted, .sendTaken, .sendResumed]
      for way in [
        accepting + receiving + sending + [.closed], [.receiveArmed, .receiveReaped], [.sendTaken, .acknowledged],
      ] {
        let moments = way.compactMap { handoff in events.first { $0.handoff == handoff }?.time }
        #expect(moments.count == way.count && moments == moments.sorted(), "\(way) in \(trace.text)")
      }
      for event in events {
        // Closing ends the receive, and with the smallest pools no buffer is free.
        if [-Int(ECANCELED), -Int(ENOBUFS)].contains(event.value) { continue }
        switch event.handoff {
        case .queued: #expect(event.value == 0 && event.synQueue == 0)
        case .receiveQueue, .receivePosted, .receiveReaped, .receiveResumed: #expect(event.value == 5)
        case .sendSubmitted, .sendTaken, .acknowledged: #expect(event.value == 7)
        default: #expect(event.value == 0)
        }
      }
    }
  }

  /// While a task keeps the loop, bytes wait in the kernel, and the trace says for how long.
  @Test(arguments: Backends.available, Descriptors.available)
  func bytesThatWaitForTheLoopAreSeenWaiting(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withTrace(backend, descriptors) { loop, trace, pair in
      try await pair.client.send("1")
      _ = try await pair.server.receive(exactly: 1)
      guard case .ordinary(let number) = pair.client.socket.descriptor else { return }
      #expect(write(number, "2", 1) == 1)
      // Keeps the loop's thread on purpose.
      usleep(100_000)
      _ = try await pair.server.receive(exactly: 1)
      let spans = HandoffSpans(trace.events).spans.filter { $0.stage == .receiveQueue }
      #expect(spans.count == 2)
      #expect(spans.last.map { $0.end - $0.start } ?? 0 > 50_000_000, "\(trace.text)")
    }
  }

  /// `receive(into:)`, other tasks and other threads hand over through other code.
  @Test(arguments: Backends.available, Descriptors.available)
  func everyKindOfCallerIsFollowed(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withTrace(backend, descriptors) { loop, trace, pair in
      try await pair.client.send("abc")
      #expect(try await pair.server.receiveIntoMemory(of: 3).count == 3)
      let server = pair.server
      try await Task.detached { try await server.send(parts: [[1, 2], [3, 4]]) }.value
      try await pair.client.send("de")
      let received = try await Task.detached { try await server.receive()?.count }.value
      #expect(received == 2)
      let events = trace.events
      #expect(events.filter { $0.handoff == .receiveResumed }.map(\.value) == [3, 2])
      #expect(events.filter { $0.handoff == .sendTaken }.map(\.value) == [4])
      #expect(events.contains { $0.handoff == .sendResumed })
    }
  }

  @Test(arguments: Backends.available)
  func onlyTheNextConnectionsAreTracedAndTheirEndIsToldOf(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let trace = try HandoffTrace()
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      let hasEnded = Shared(false)
      listener.trace(to: trace, connections: 2) { hasEnded.update { $0 = true } }
      #expect(loop.driver.stampsCompletions)
      let serving = start(on: loop) {
        try await listener.serve { while let chunk = try await $0.receive() { try await $0.send(chunk) } }
      }
      for count in 1...4 {
        #expect(hasEnded.value == (count > 2))
        try await TCPConnection.withConnection(to: listener.address, on: loop) { client in
          try await client.send("?")
          #expect(try await client.receive(exactly: 1).count == 1)
        }
        if count == 2 { try await eventually("the end of the second") { hasEnded.value } }
      }
      #expect(trace.connections == 2)
      #expect(trace.events.count { $0.handoff == .closed } == 2)
      #expect(loop.observers == 0 && !loop.driver.stampsCompletions)
      await listener.close()
      try await serving.value
    }
  }

  @Test(arguments: Backends.available)
  func tracingEndsWithTheListenerOrWhenAsked(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let trace = try HandoffTrace()
      let ended = Shared(0)
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      listener.trace(to: trace) { ended.update { $0 += 1 } }
      listener.stopTracing()
      try await eventually("ended") { ended.value == 1 }
      listener.trace(to: trace, connections: 0) { ended.update { $0 += 1 } }
      try await eventually("ended") { ended.value == 2 }
      listener.trace(to: trace) { ended.update { $0 += 1 } }
      await listener.close()
      try await eventually("ended") { ended.value == 3 }
      #expect(loop.observers == 0 && loop.timers.isEmpty)
      try await Pair.with(loop) { pair in
        pair.client.trace(to: trace)
        try await pair.client.send("1")
        pair.client.stopTracing()
        try await pair.client.send("2")
        #expect(loop.observers == 0)
      }
      #expect(trace.events.map(\.handoff) == [.sendSubmitted, .sendTaken, .sendResumed])
    }
  }

  @Test(arguments: Backends.available)
  func stoppingALoopOrTheLastConnectionsTraceIsTheEnd(_ backend: Backend) async throws {
    let ended = Shared(0)
    try await withLoop(backend) { loop in
      let trace = try HandoffTrace()
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      listener.trace(to: trace, connections: 1) { ended.update { $0 += 1 } }
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let server = try await listener.accept()
      #expect(ended.value == 0)
      try await server.send("not acknowledged yet, perhaps")
      server.stopTracing()
      #expect(loop.timers.isEmpty, "the look for the acknowledgement is over")
      try await eventually("ended") { ended.value == 1 }
      #expect(loop.observers == 0)
      await client.close()
      await server.close()
      listener.trace(to: trace) { ended.update { $0 += 1 } }
      Task(executorPreference: loop.taskExecutor) { try? await listener.accept().close() }
      await Task.yield()
    }
    #expect(ended.value == 2, "the loop has stopped")
  }

  /// Two traces that each begin again when they have ended, and so end each other.
  @Test(arguments: Backends.available)
  func theEndOfATraceMayBeginTheNext(_ backend: Backend) async throws {
    let tracing = Retracing()
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    let trace = try HandoffTrace()
    try await start(on: loop) {
      for _ in 0..<2 { tracing.begin(on: listener, trace) }
      #expect(tracing.ended == 0)
      try await eventually("ended") { tracing.ended >= 100 }
      await listener.close()
      let before = tracing.ended
      try await eventually("ended") { tracing.ended >= before + 100 }
    }.value
    // The next ones begin on a loop that stops, and then on none.
    await loop.shutdown()
    let before = tracing.ended
    #expect(await Patience.until { tracing.ended >= before + 100 })
    tracing.stop()
    #expect(await Patience.until { tracing.ended == tracing.begun })
    #expect(!tracing.wasCalledWithin)
  }

  /// The loop tells nothing that has nothing in flight.
  @Test(arguments: Backends.available)
  func theTraceOfAnIdleListenerEndsWithItsLoop(_ backend: Backend) async throws {
    let ended = Shared(0)
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
    let trace = try HandoffTrace()
    listener.trace(to: trace) { ended.update { $0 += 1 } }
    await loop.shutdown()
    #expect(await Patience.until { ended.value == 1 })
    listener.trace(to: trace) { ended.update { $0 += 1 } }
    #expect(await Patience.until { ended.value == 2 })
    await listener.close()
    #expect(ended.value == 2)
  }

  @Test(arguments: Backends.available)
  func aFullTraceKeepsTheNewestAndCountsTheRest(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let trace = try HandoffTrace(capacity: 10)
      try await Pair.with(loop) { pair in
        pair.client.trace(to: trace)
        for _ in 0..<10 { try await pair.client.send("?") }
      }
      let events = trace.events
      #expect(events.count == 10 && events.last?.handoff == .closed)
      #expect(trace.lost >= 21)
      #expect(trace.text.contains("\(trace.lost) older events made room for newer ones"))
    }
    #expect(throws: ConfigurationError.self) { try HandoffTrace(capacity: 0) }
  }

  /// The Trace Event Format: every entry has what its phase demands, spans come in pairs, and nothing lies before 0.
  @Test(arguments: Backends.available, Descriptors.available)
  func theChromeTraceFollowsItsFormat(_ backend: Backend, _ descriptors: Descriptors) async throws {
    try await withTrace(backend, descriptors) { loop, trace, pair in
      for _ in 0..<3 {
        try await pair.client.send([UInt8](repeating: 1, count: 30_000))
        _ = try await pair.server.receive(exactly: 30_000)
        try await pair.server.send("ok")
        _ = try await pair.client.receive(exactly: 2)
      }
      await pair.server.close()
      let parsed = try JSONSerialization.jsonObject(with: Data(trace.chromeTrace.utf8))
      let document = try #require(parsed as? [String: Any])
      let entries = try #require(document["traceEvents"] as? [[String: Any]])
      var open: [Int: (name: String, time: Double)] = [:]
      var stages: Set<String> = []
      for entry in entries {
        let phase = try #require(entry["ph"] as? String)
        let name = try #require(entry["name"] as? String)
        #expect(entry["pid"] as? Int == 1 && entry["tid"] as? Int == 1)
        if phase == "M" { continue }
        let time = try #require(entry["ts"] as? Double)
        #expect(time >= 0)
        switch phase {
        case "i": #expect(entry["s"] as? String == "t")
        case "b":
          let id = try #require(entry["id"] as? Int)
          #expect(entry["cat"] as? String == "queue" && open[id] == nil)
          open[id] = (name, time)
        case "e":
          let id = try #require(entry["id"] as? Int)
          let begun = try #require(open[id])
          open[id] = nil
          #expect(begun.name == name && begun.time <= time)
          stages.insert(name)
        default: Issue.record("an entry of phase \(phase)")
        }
      }
      #expect(open.isEmpty)
      #expect(stages == Set(HandoffSpans.Stage.allCases.map(\.rawValue)))
      #expect(entries.count { $0["ph"] as? String == "i" } == trace.events.count)
    }
  }

  @Test func anEmptyTraceIsAValidFile() throws {
    let trace = try HandoffTrace()
    #expect(trace.text.isEmpty && trace.events.isEmpty && trace.lost == 0)
    let parsed = try JSONSerialization.jsonObject(with: Data(trace.chromeTrace.utf8)) as? [String: Any]
    #expect((parsed?["traceEvents"] as? [Any])?.isEmpty == true)
  }

  /// Spans follow the bytes, also where one call takes several completions' and where the end of the stream comes.
  @Test func spansFollowTheBytes() {
    func event(_ time: UInt64, _ handoff: Handoff, _ value: Int = 0) -> HandoffTrace.Event {
      HandoffTrace.Event(time, 1, handoff, value)
    }
    let spans = HandoffSpans([
      event(0, .receivePosted, 10), event(0, .receivePosted, 20), event(1, .receiveReaped, 10),
      event(2, .receiveReaped, 20), event(3, .receiveReaped, -125), event(4, .receiveResumed, 15),
      event(5, .receiveReaped, 0), event(6, .receiveResumed, 15), event(7, .receiveResumed, 0),
    ]).spans
    let runQueue = spans.filter { $0.stage == .runQueue }.map { [Int($0.start), Int($0.end), $0.value] }
    #expect(runQueue == [[1, 4, 10], [2, 4, 5], [2, 6, 15], [5, 7, 0]])
    let completionQueue = spans.filter { $0.stage == .completionQueue }.map { [$0.start, $0.end] }
    #expect(completionQueue == [[0, 1], [0, 2]])
  }

  /// A connection whose accepted side is traced.
  private func withTrace(
    _ backend: Backend,
    _ descriptors: Descriptors,
    _ body: @escaping @Sendable (EventLoop, HandoffTrace, Pair) async throws -> Void
  ) async throws {
    try await withLoop(backend, configure: { descriptors.apply(to: &$0) }) { loop in
      let trace = try HandoffTrace()
      let listener = try TCPListener.bind(to: .loopback(port: 0), on: loop)
      listener.trace(to: trace, connections: 1)
      let client = try await TCPConnection.connect(to: listener.address, on: loop)
      let pair = Pair(client: client, server: try await listener.accept())
      let result = await Result { try await body(loop, trace, pair) }
      await client.close()
      await pair.server.close()
      await listener.close()
      #expect(loop.observers == 0)
      try result.get()
    }
  }
}

extension Result where Failure == any Error {
  /// What `body` returns or throws.
  fileprivate init(_ body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
