// Sends every byte back to who sent it.
//
//   swift run Echo              listens on port 7000; `swift run Echo 0` lets the kernel pick a free port
//   nc 127.0.0.1 7000           in another terminal: each line comes back
//
// What to look at while it runs:
//   ss -ltn 'sport = :7000'     Recv-Q is the accept queue: connections that wait to be accepted; Send-Q is its limit
//   ss -tnp 'sport = :7000'     Recv-Q: bytes that the server has not read; Send-Q: bytes that the client has not
//                               acknowledged. No process is named: the descriptors are in the ring's table and not in a
//                               process's. With `GYRE_BACKEND=epoll swift run Echo` one is
//   strace -cfp $(pgrep -x Echo)    the system calls; on epoll they are others, and more
@preconcurrency import Glibc
import Gyre

do {
  try EventLoop.run {
    let port = CommandLine.arguments.dropFirst().first ?? "7000"
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:\(port)"))
    print("listening on \(listener.address)")
    fflush(stdout)
    try await listener.serve { connection in
      while let chunk = try await connection.receive() { try await connection.send(chunk) }
    }
  }
} catch {
  fputs("echo: \(error)\n", stderr)
  exit(1)
}
