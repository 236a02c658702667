import Foundation
import Glibc
import Testing

@testable import Gyre

// @unchecked: a test uses it from one task at a time; the process itself is Foundation's to lock.
/// The `gyre` command, running in a process of its own. Every wait has a deadline, and blocks a thread of its own.
final class CommandProgram: @unchecked Sendable {
  /// How a run ended.
  struct Ending: Sendable {
    /// What it exited with; `nil` if a signal ended it.
    let status: Int32?
    /// The signal that ended it.
    let signal: Int32?
    let output: String
    let errors: String

    /// The output as a JSON object.
    func object() throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "\(output)\(errors)")
    }
  }

  /// Milliseconds that any one wait may take.
  private static let deadline = Patience.pollTimeout(seconds: 10)

  private let process = Process()
  private let output = Foundation.Pipe()
  private let errors = Foundation.Pipe()
  private let ended = DispatchSemaphore(value: 0)
  private var read = ""

  private init(_ arguments: [String], denied: String?, environment: [String: String], outputFile: String?) throws {
    // The package manager puts the programs beside the tests.
    let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let program = directory.appendingPathComponent("gyre")
    process.executableURL = denied == nil ? program : directory.appendingPathComponent("deny-call")
    process.arguments = denied.map { ["io_uring_setup=\($0)", program.path] + arguments } ?? arguments
    process.environment = ProcessInfo.processInfo.environment.merging(["GYRE_BACKEND": ""]) { $1 }
      .merging(environment) { $1 }
    if let outputFile {
      process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputFile))
      // Nobody writes there: its end is now.
      try output.fileHandleForWriting.close()
    } else {
      process.standardOutput = output
    }
    process.standardError = errors
    let ended = ended
    process.terminationHandler = { _ in ended.signal() }
  }

  /// Starts `gyre` with arguments, runs `body`, and kills the program if it still runs.
  ///
  /// - Parameters:
  ///   - denied: the error with which io_uring_setup(2) is to fail for it.
  ///   - outputFile: where its output goes instead of to `line` and `ending`.
  static func with<Value>(
    _ arguments: [String],
    denied: String? = nil,
    environment: [String: String] = [:],
    outputFile: String? = nil,
    _ body: (CommandProgram) async throws -> Value
  ) async throws -> Value {
    let program = try CommandProgram(arguments, denied: denied, environment: environment, outputFile: outputFile)
    try program.process.run()
    defer { program.signal(SIGKILL) }
    return try await body(program)
  }

  /// Runs `gyre` with arguments to its end.
  static func run(
    _ arguments: String...,
    denied: String? = nil,
    environment: [String: String] = [:],
    outputFile: String? = nil
  ) async throws -> Ending {
    try await with(arguments, denied: denied, environment: environment, outputFile: outputFile) {
      try await $0.ending()
    }
  }

  /// Sends a signal, unless the program has ended.
  func signal(_ number: Int32) {
    if process.isRunning { kill(process.processIdentifier, number) }
  }

  /// The port that an echo server says it listens on.
  func port() async throws -> String {
    let line = try await line()
    try #require(line.hasPrefix("listening on "), "the program said “\(line)”")
    return String(line.split(separator: ":").last ?? "")
  }

  /// The next line of its output.
  func line() async throws -> String {
    try await CommandProgram.blocking {
      while !self.read.contains("\n") {
        let more = try CommandProgram.someText(self.output)
        try #require(!more.isEmpty, "the program ended after “\(self.read)”")
        self.read += more
      }
      let line = self.read.prefix { $0 != "\n" }
      self.read.removeFirst(line.count + 1)
      return String(line)
    }
  }

  /// Waits for its end. The output is what `line` has not returned.
  func ending() async throws -> Ending {
    try await CommandProgram.blocking {
      let output = try self.read + CommandProgram.allText(self.output)
      let errors = try CommandProgram.allText(self.errors)
      let limit = DispatchTime.now() + .milliseconds(Int(CommandProgram.deadline))
      try #require(self.ended.wait(timeout: limit) == .success, "the program does not end")
      let isSignal = self.process.terminationReason == .uncaughtSignal
      let status = self.process.terminationStatus
      return Ending(
        status: isSignal ? nil : status,
        signal: isSignal ? status : nil,
        output: output,
        errors: errors
      )
    }
  }

  private static func allText(_ pipe: Foundation.Pipe) throws -> String {
    var text = ""
    while true {
      let more = try someText(pipe)
      if more.isEmpty { return text }
      text += more
    }
  }

  /// What comes next; empty at the end.
  private static func someText(_ pipe: Foundation.Pipe) throws -> String {
    var readable = pollfd(fd: pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
    try #require(poll(&readable, 1, deadline) == 1, "the program says nothing")
    return String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
  }

  /// Runs what blocks on a thread of its own: Swift's own are too few.
  private static func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Foundation.Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
    }
  }
}
