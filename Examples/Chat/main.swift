// A chat over TCP: what one member says, all others read.
//
//   swift run Chat              listens on port 7001; `swift run Chat 0` lets the kernel pick a free port
//   nc 127.0.0.1 7001           in two or more terminals: the first line is your name, every other is said to all
//
// What to look at:
//   Room        an actor on the event loop: shared state without locks, and without leaving the loop's thread
//   ChatServer  a reader and a writer for each connection, so that neither direction waits for the other
//   Outbox      what a member does not read is kept up to a bound, then left out, and the member is told so
//
// To see a slow reader, stop one `nc` with Ctrl-Z and talk on in the others:
//   ss -tn 'sport = :7001'      Send-Q grows to what the kernel keeps for that member and stays there; Recv-Q of all
//                               others stays at 0, for nobody waits for the slow one
@preconcurrency import Glibc
import Gyre

do {
  let address = try Arguments.address()
  try EventLoop.run { try await ChatServer.run(at: address) }
} catch {
  fputs("chat: \(error)\n", stderr)
  exit(1)
}
