// Passes connections on to another address, and bytes both ways.
//
//   swift run Echo                        something to pass connections on to, on port 7000
//   swift run Proxy 7002 127.0.0.1:7000   listens on port 7002; port 0 lets the kernel pick a free one
//   nc 127.0.0.1 7002                     in another terminal: lines go through the proxy to the echo server and back
//
// What to look at:
//   Relay                                 each direction is a loop of receive and send. It receives no more until the
//                                         other side has taken what it has, so a slow side slows the fast one down
//   reset                                 an end is passed on as an end, and a cut as a cut: nobody takes half an answer
//                                         for a whole one
//   ss -tn 'sport = :7002 or dport = :7000'
//                                         both connections of each client. Stop the echo server (Ctrl-Z) and send it
//                                         something large: first its own Recv-Q fills, then the proxy's Send-Q towards
//                                         it, then the proxy's Recv-Q from the client, then the client's Send-Q
@preconcurrency import Glibc
import Gyre

do {
  let arguments = try Arguments()
  try EventLoop.run { try await ProxyServer(target: arguments.target).run(at: arguments.address) }
} catch {
  fputs("proxy: \(error)\n", stderr)
  exit(1)
}
