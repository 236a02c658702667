// Gyre: the echo of its README, or with `--exchange` the same in one call a message, with the options of a benchmark.

import EchoOptions
import Glibc
import Gyre

let options = EchoOptions(flags: ["ordinary", "exchange"], values: ["backend", "spin"])
let backend = options.others["backend"].flatMap { BackendChoice(rawValue: $0) } ?? .automatic
var configuration = EventLoop.Configuration(backend: backend)
if options.others["ordinary"] != nil { configuration.directDescriptors = 0 }
if let microseconds = options.others["spin"].flatMap(Int.init) { configuration.spin = .microseconds(microseconds) }
let isSink = options.isSink
let address = try SocketAddress("127.0.0.1:\(options.port)")

try EventLoop.run(configuration) {
  let listener = try TCPListener.bind(to: address)
  announce(port: Int(listener.address.port))
  if isSink {
    try await listener.serve { connection in
      while try await connection.receive() != nil {}
    }
  } else if options.others["exchange"] != nil {
    try await listener.serve { connection in
      var received = try await connection.receive()
      while let chunk = received.take() { received = try await connection.exchange(chunk) }
    }
  } else {
    try await listener.serve { connection in
      while let chunk = try await connection.receive() { try await connection.send(chunk) }
    }
  }
}
