// Says where the parts of a program run that has Gyre for its executor: `whole-program LOOPS BACKEND`. A line a fact,
// `name=value`; a thread is named by its number.

import Foundation
import Glibc
import Gyre
import Synchronization

actor Plain {
  func thread() -> Int32 { Facts.thread }
}

@MainActor func mainActorThread() -> Int32 {
  MainActor.assumeIsolated { Facts.thread }
}

struct Refused: Error {}

enum Facts {
  /// The calling thread's number. `proc(5)`
  static var thread: Int32 {
    let link = String(unsafeUninitializedCapacity: 64) { bytes in
      bytes.withMemoryRebound(to: CChar.self) { max(readlink("/proc/thread-self", $0.baseAddress!, $0.count), 0) }
    }
    return Int32(link.split(separator: "/").last!)!
  }

  static func say(_ name: String, _ value: some CustomStringConvertible) { print("\(name)=\(value)") }

  /// Where each kind of task runs.
  static func sayWhere() async {
    say("body", thread)
    say("task", await Task { thread }.value)
    say("detached", await Task.detached { thread }.value)
    say("actor", await Plain().thread())
    say("main-actor", await mainActorThread())
    async let child = thread
    say("child", await child)
    say(
      "group",
      await withTaskGroup(of: Int32.self) { group in
        group.addTask { thread }
        return await group.next()!
      }
    )
    say("on-loop", EventLoop.current != nil)
  }

  /// Sleeping, cancelled sleeping, and what thread it comes back on.
  static func sayTime() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    try await Task.sleep(for: .milliseconds(20))
    say("slept-long-enough", clock.now - start >= .milliseconds(20))
    try await Task.sleep(until: SuspendingClock().now.advanced(by: .milliseconds(1)), clock: .suspending)
    try await clock.sleep(until: clock.now - .seconds(1))
    say("after-sleep", thread)
    let sleeper = Task { try await Task.sleep(for: .seconds(1000)) }
    sleeper.cancel()
    if case .failure(is CancellationError) = await sleeper.result { say("sleep-is-cancelled", true) }
  }

  static func sayTraffic() async throws {
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"))
    let server = Task {
      try await listener.serve { connection in
        while let chunk = try await connection.receive() { try await connection.send(chunk) }
      }
    }
    let echo = try await TCPConnection.withConnection(to: listener.address) { connection in
      try await connection.send("there and back")
      return try await connection.receive()?.text
    }
    await listener.close()
    try await server.value
    say("echo", echo ?? "")
  }

  /// How many threads a hundred tasks ran on that nobody told where to run.
  static func saySpread() async {
    let threads = await withTaskGroup(of: Int32.self) { group in
      for _ in 0..<100 { group.addTask { thread } }
      return await group.reduce(into: Set<Int32>()) { $0.insert($1) }
    }
    say("spread", threads.count)
  }

  /// The threads of this process: all, and those of its loops beside the main one. `proc(5)`
  static var threads: (all: Int, loops: Int) {
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
    let names = numbers.map { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
    return (numbers.count, names.count { $0 == "gyre\n" })
  }
}

let loops = Int(CommandLine.arguments[1])!
let backend = BackendChoice(rawValue: CommandLine.arguments[2])!
Facts.say("available", GlobalExecutor.isAvailable)
Facts.say("main", Facts.thread)
let configuration = EventLoop.Configuration(backend: backend)
let answer = try GlobalExecutor.run(loops: loops, configuration) {
  await Facts.sayWhere()
  try await Facts.sayTime()
  try await Facts.sayTraffic()
  await Facts.saySpread()
  Facts.say("threads", Facts.threads.all)
  Facts.say("loop-threads", Facts.threads.loops)
  // Left behind: neither may keep the program.
  Task { try await Task.sleep(for: .seconds(1000)) }
  Task { try await EventLoop.current?.sleep(for: .seconds(1000)) }
  return 42
}
Facts.say("answer", answer)
do {
  try GlobalExecutor.run { throw Refused() }
} catch let error as ConfigurationError {
  Facts.say("second", "\(error)".contains("already"))
}
