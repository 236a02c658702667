// A program with an `async` main that runs on Gyre: `async-program`. A line a fact, `name=value`.

import Glibc
import Gyre

@used @section(".init_array")
let useGyre: @convention(c) () -> Void = { GlobalExecutor.installAtStart() }

@main
struct AsyncProgram {
  /// The calling thread's number. `proc(5)`
  static var thread: Int32 {
    let link = String(unsafeUninitializedCapacity: 64) { bytes in
      bytes.withMemoryRebound(to: CChar.self) { max(readlink("/proc/thread-self", $0.baseAddress!, $0.count), 0) }
    }
    return Int32(link.split(separator: "/").last!)!
  }

  static func main() async throws {
    print("main=\(thread)")
    print("main-is-first=\(thread == getpid())")
    print("task=\(await Task { thread }.value)")
    print("detached=\(await Task.detached { thread }.value)")
    try await Task.sleep(for: .milliseconds(5))
    print("after-sleep=\(thread)")
    print("on-loop=\(EventLoop.current != nil)")
    let listener = try TCPListener.bind(to: SocketAddress("127.0.0.1:0"))
    async let accepted = listener.accept()
    let connection = try await TCPConnection.connect(to: listener.address)
    try await connection.send("hello")
    let text = try await accepted.receive()?.text
    print("received=\(text ?? "")")
    do { try GlobalExecutor.run {} } catch { print("run=\(error is ConfigurationError)") }
    // The program goes on to the end of `main`, whoever stops its loop.
    EventLoop.current?.stop()
    do { try await EventLoop.current?.sleep(for: .seconds(1000)) } catch {}
    print("saved=\(try await blocking { "saved" })")
  }
}
