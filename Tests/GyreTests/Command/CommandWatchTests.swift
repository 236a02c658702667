import Foundation
import Glibc
import Testing

@testable import Gyre
@testable import GyreCommand

@Suite struct CommandWatchTests {
  private static let nobody = "2147483647"

  @Test func theQueuesOfAForeignListenerAreSeen() async throws {
    let probe = try QueueProbe(backlog: 5)
    let clients = try (0..<3).map { _ in try probe.connect() }
    #expect(write(clients[2], "hello", 5) == 5)
    let object = try await CommandProgram.run("watch", "\(probe.address.port)", "--json").object()
    #expect(Set(object.keys) == ["listeners", "connections", "host", "loops"])
    let address = try #require((object["listeners"] as? [[String: Any]])?.first)
    #expect(address["address"] as? String == probe.address.description)
    #expect(address["synQueue"] as? Int == 0)
    #expect(address["connections"] as? Int == 3)
    #expect(address["receiveQueues"] as? Int == 5)
    let listener = try #require((address["listeners"] as? [[String: Any]])?.first)
    #expect(Set(listener.keys) == ["processes", "acceptQueue", "acceptQueueLimit", "drops", "dropsPerSecond"])
    #expect(listener["acceptQueue"] as? Int == 3)
    #expect(listener["acceptQueueLimit"] as? Int == 5)
    #expect(listener["drops"] as? Int == 0)
    #expect((listener["processes"] as? [[String: Any]])?.first?["pid"] as? Int32 == getpid())
    // The fullest first.
    let connections = try #require(object["connections"] as? [[String: Any]])
    #expect(connections.map { $0["receiveQueue"] as? Int } == [5, 0, 0])
    #expect(connections[0]["remote"] as? String == (try SystemSocket.localAddress(of: clients[2])).description)
  }

  @Test func halfOpenConnectionsAreInTheSynQueue() async throws {
    let probe = try QueueProbe(backlog: 5, deferring: true)
    for _ in 0..<2 { _ = try probe.connect() }
    let object = try await CommandProgram.run("watch", "\(probe.address.port)", "--json").object()
    let address = try #require((object["listeners"] as? [[String: Any]])?.first)
    #expect(address["synQueue"] as? Int == 2)
    #expect(address["connections"] as? Int == 0)
  }

  @Test func aProcessIsWatchedByItsNumber() async throws {
    let probe = try QueueProbe(backlog: 5)
    let object = try await CommandProgram.run("watch", "--pid", "\(getpid())", "--json").object()
    let addresses = try #require(object["listeners"] as? [[String: Any]])
    #expect(addresses.contains { $0["address"] as? String == probe.address.description })
    let host = try await CommandProgram.run("watch").output
    #expect(host.contains(probe.address.description))
  }

  @Test func textHasTheNumbers() async throws {
    let probe = try QueueProbe(backlog: 5)
    for _ in 0..<3 { _ = try probe.connect() }
    let run = try await CommandProgram.run("watch", "\(probe.address.port)", "--samples", "2", "--interval", "0.05")
    #expect(run.status == 0)
    #expect(!run.output.contains("\u{1b}"))
    #expect(run.output.contains("3 of 5\n"))
    #expect(run.output.contains("– a second, 0 since it listens"))
    #expect(run.output.contains("0.0 a second, 0 since it listens"))
  }

  @Test(arguments: [
    ([nobody], "nothing listens on port \(nobody), and there is no process \(nobody)"),
    (["--pid", nobody], "there is no process \(nobody)"),
  ])
  func whatIsNotThereIsAnError(arguments: [String], message: String) async throws {
    try await CommandProgram.with(["watch"] + arguments) { watch in
      let ending = try await watch.ending()
      #expect(ending.status == 1)
      #expect(ending.output == "")
      #expect(ending.errors.contains(message))
    }
  }

  @Test(arguments: [
    (["0"], "0 is neither a port nor a process"), (["--pid"], "--pid wants the number of a process"),
    (["--interval", "0"], "--interval: use 0.05 to 3600"), (["--samples", "0"], "--samples: use 1 or more"),
    (["http"], "The value 'http' is invalid"),
  ])
  func badArgumentsGetAClearError(arguments: [String], message: String) async throws {
    try await CommandProgram.with(["watch"] + arguments) { watch in
      let ending = try await watch.ending()
      #expect(ending.status == EX_USAGE)
      #expect(ending.errors.contains(message))
    }
  }

  @Test func dropsAreCountedPerSecond() throws {
    let probe = try QueueProbe(backlog: 1)
    var watcher = Watcher(.port(probe.address.port))
    #expect(try watcher.sample().addresses[0].listeners[0].dropsPerSecond == nil)
    for _ in 0..<2 { _ = try probe.connect() }
    for _ in 0..<3 { try probe.beginConnecting() }
    let listener = try watcher.sample().addresses[0].listeners[0]
    #expect(listener.acceptQueue == 2)
    #expect(listener.drops == 3)
    #expect((listener.dropsPerSecond ?? 0) > 0)
  }

  /// Listeners of one address are told apart; the one on every address gets what no nearer one gets.
  @Test func theNearestListenerHasTheConnection() throws {
    let everywhere = try QueueProbe(on: .any(port: 0), backlog: 5)
    let near = try QueueProbe(on: .loopback(port: everywhere.address.port), backlog: 7, sharing: everywhere)
    _ = try near.connect()
    var watcher = Watcher(.port(near.address.port))
    let addresses = try watcher.sample().addresses
    #expect(addresses.map(\.address.host) == ["0.0.0.0", "127.0.0.1"])
    #expect(addresses.map(\.connections) == [0, 1])
  }

  @Test(arguments: Backends.available)
  func aGyreProcessTellsOfItsLoops(backend: Backend) async throws {
    let path = "/tmp/gyre-watch-\(getpid())-\(backend.rawValue).sock"
    try await CommandProgram.with(["echo", "--backend", backend.rawValue, "--inspect", path]) { echo in
      let port = try await echo.port()
      let connection = try await TCPConnection.connect(to: SocketAddress("127.0.0.1:" + port))
      try await connection.send("hello")
      #expect(try await connection.receive()?.text == "hello")
      let object = try await CommandProgram.run("watch", port, "--inspect", path, "--json").object()
      let loops = try #require(object["loops"] as? [[String: Any]])
      #expect(loops.map { $0["backend"] as? String } == [backend.rawValue])
      let queues = try #require(loops[0]["queues"] as? [String: Any])
      // The accept and the connection's receive.
      #expect(queues["multishots"] as? Int == 2)
      #expect(queues["buffersHeld"] as? Int == 0)
      #expect((queues["completionQueueSize"] is NSNull) == (backend == .epoll))
      let text = try await CommandProgram.run("watch", port, "--inspect", path).output
      #expect(text.contains("jobs ready"))
      await connection.close()
      echo.signal(SIGTERM)
      #expect(try await echo.ending().status == 0)
      let gone = try await CommandProgram.run("watch", "--inspect", path)
      #expect(gone.status == 1)
      #expect(gone.errors.contains("\(path) does not answer: ENOENT"))
    }
  }

  // MARK: A terminal

  @Test(arguments: ["q", "\u{3}"])
  func aTerminalIsLeftAsItWas(key: String) async throws {
    let probe = try QueueProbe(backlog: 5)
    _ = try probe.connect()
    let terminal = try PseudoTerminal(columns: 60, lines: 8)
    let before = terminal.localFlags
    let watch = try terminal.start("watch", "\(probe.address.port)", "--interval", "0.1")
    let frame = try await terminal.text(until: "1 of 5")
    #expect(frame.hasPrefix("\u{1b}[?1049h\u{1b}[?25l"))
    #expect(terminal.localFlags & tcflag_t(ECHO | ICANON) == 0)
    terminal.type(key)
    let rest = try await terminal.text(until: "\u{1b}[?25h\u{1b}[?1049l")
    try await watch.end()
    #expect(watch.status == 0)
    #expect(terminal.localFlags == before)
    for frame in (frame + rest).components(separatedBy: "\u{1b}[H").dropFirst() {
      let lines = frame.components(separatedBy: "\r\n")
      #expect(lines.count <= 8)
      #expect(lines.allSatisfy { !$0.contains("\n") })
    }
  }
}

@Suite struct TextStyleTests {
  private let style = TextStyle(isOn: true)

  @Test func stylesTakeNoColumns() {
    #expect(TextStyle.width(of: style.red("ab") + "c") == 3)
    #expect(TextStyle.plain.red("ab") == "ab")
    #expect(TextStyle.clip(style.red("abc") + style.bold("def"), to: 4) == style.red("abc") + style.bold("d"))
    #expect(TextStyle.clip("abc", to: 3) == "abc")
  }

  @Test(arguments: [
    (0, 8, "····"), (1, 1000, "▏···"), (4, 8, "██··"), (5, 8, "██▌·"), (8, 8, "████"), (9, 8, "████"), (1, 0, "····"),
  ])
  func bars(value: Int, whole: Int, text: String) {
    #expect(Bar.text(value, of: whole, width: 4, style: .plain) == text)
  }
}
