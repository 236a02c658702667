// A small server of HTTP/1.1.
//
//   swift run -c release HTTP 7004       listens on port 7004 (port 0: a free one)
//   curl -v http://127.0.0.1:7004/       also /fields, /bytes/1000000, and POST to /echo
//   wrk -c 64 -t 1 http://127.0.0.1:7004/
//   h2load --h1 -c 64 -n 100000 http://127.0.0.1:7004/
//
// What to look at:
//   HeadParser, BodyDecoder              what is a request, and where it ends: strict, so that nobody on the way can see
//                                        other requests in the same bytes. Any split of the stream gives the same ones
//   Session                              requests that arrive together are answered in one `send`
//   Watchman                             clients that take too long: one task for all connections, no timer for each
//   Limit                                heads, fields and bodies have their bounds, and beyond them an answer that says so
//
// Try what a server should not put up with:
//   printf 'GET / HTTP/1.1\nHost: a\n\n' | nc 127.0.0.1 7004       400: lines end with CR LF
//   printf 'GET / HTTP/1.1\r\n' | nc 127.0.0.1 7004                408 after ten seconds
@preconcurrency import Glibc
import Gyre

do {
  let arguments = try Arguments()
  try EventLoop.run { try await HTTPServer.run(arguments) }
} catch {
  fputs("http: \(error)\n", stderr)
  exit(1)
}
