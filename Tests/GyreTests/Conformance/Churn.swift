import Foundation
import Testing

@testable import Gyre

/// Connections that are opened, used once and closed, as fast as they come.
struct Churn {
  let loop: EventLoop

  func run(_ count: Int) async throws {
    let lanes = 8
    try await withThrowingTaskGroup(of: Void.self) { group in
      for lane in 0..<lanes {
        // A lane's own address has the host's whole range of ports.
        let listener = try TCPListener.bind(to: SocketAddress(host: "127.0.1.\(lane + 1)", port: 0), on: loop)
        group.addTask {
          try await listener.serve { connection in
            while let chunk = try await connection.receive() { try await connection.send(chunk) }
          }
        }
        group.addTask {
          for _ in 0..<(count / lanes) { try await useOnce(listener.address) }
          await listener.close()
        }
      }
      try await group.waitForAll()
    }
  }

  private func useOnce(_ address: SocketAddress) async throws {
    try await TCPConnection.withConnection(to: address, on: loop) { connection in
      try await connection.send("x")
      #expect(try await connection.receive(exactly: 1) == [120])
    }
  }

  static var residentKilobytes: Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4 } ?? 0
  }
}

/// A number from the environment, for running a test longer by hand.
func environmentNumber(_ name: String, default value: Int) -> Int {
  ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? value
}
