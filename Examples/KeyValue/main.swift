// Keys and values in memory, on one thread, for clients of Redis.
//
//   swift run -c release KeyValue 7003 keys.image
//                                 listens on port 7003 (port 0: a free one) and begins with the keys of the image
//   redis-cli -p 7003 set greeting hello
//   redis-cli -p 7003 bgsave      writes the image while the server serves on
//   redis-cli -p 7003 info        fork time, and the memory that the save has cost (below)
//   redis-benchmark -p 7003 -t get,set -c 50 -P 16
//
// What to look at:
//   RequestParser                 how far a request goes, without copying it; fed with any split of the stream
//   Session                       answers where the kernel has put the request, and sends the answers of a chunk together
//   Store                         an actor on the loop that is used without suspending: one thread needs no lock
//   Saver                         the snapshot: fork, and the child writes what it sees. Both share all pages; one that the
//                                 server writes to is copied first, and only then
//
// To see what a snapshot costs, fill it and save it under load:
//   redis-benchmark -p 7003 -t set -n 1000000 -r 1000000 -d 100 -P 16
//   redis-cli -p 7003 bgsave; redis-benchmark -p 7003 -t set -n 300000 -r 1000000 -d 100 -P 16
//   redis-cli -p 7003 info persistence
//                                 latest_fork_usec          how long everybody waited
//                                 rdb_last_cow_size         memory that only the child still had: pages copied by then
//                                 rdb_last_cow_size_parent  how much memory of its own the server got meanwhile
@preconcurrency import Glibc
import Gyre

do {
  let arguments = try Arguments()
  try EventLoop.run { try await KeyValueServer.run(arguments) }
} catch {
  fputs("keyvalue: \(error)\n", stderr)
  exit(1)
}
