import Gyre

/// Processes, each with an event loop and a listener of its own on the same port.
struct ServerProcesses {
  let port: UInt16
  private let processes: [OwnProcess]

  init(_ count: Int, on backend: BackendChoice) throws {
    var (port, processes): (UInt16, [OwnProcess]) = (0, [])
    for _ in 0..<count {
      let process = try OwnProcess("tour-process", "server", "--port", "\(port)", "--backend", backend.rawValue)
      port = try TourServer.port(saidBy: process)
      processes.append(process)
    }
    (self.port, self.processes) = (port, processes)
  }

  func end() {
    for process in processes { process.end() }
  }
}
