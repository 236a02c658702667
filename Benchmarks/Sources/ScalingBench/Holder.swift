import Glibc
import Gyre

/// The far ends of connections that stay. A process of its own has them, since one may not open enough for both ends.
enum Holder {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// `IP_BIND_ADDRESS_NO_PORT`, which Glibc does not export.
  private static let bindAddressWithoutPort: Int32 = 24

  /// What the other process is told by, before the port, the number of connections and whether to have a byte echoed on each.
  static let option = "--hold"

  /// Has another process make connections. It ends with this one.
  static func connect(_ count: Int, to address: SocketAddress, echoes: Bool) async throws {
    guard count > 0 else { return }
    let words = ["scaling-bench", option, "\(address.port)", "\(count)", echoes ? "1" : "0"]
    try await blocking { try start(words) }
  }

  /// What the other process does: connects, says so, and waits for the end of its input.
  static func run(_ arguments: [String]) throws {
    let numbers = arguments.compactMap { Int($0) }
    guard numbers.count == 3 else { throw Failure(description: "\(option): expected three numbers") }
    try DescriptorLimit.raise(to: numbers[1] + 100)
    for number in 0..<numbers[1] { try dial(UInt16(numbers[0]), from: number % 8, echoes: numbers[2] == 1) }
    var byte: UInt8 = 1
    write(STDOUT_FILENO, &byte, 1)
    while read(STDIN_FILENO, &byte, 1) > 0 {}
  }

  /// From one of several addresses: where most ports of an address are taken, the kernel looks long for a free one, and the short
  /// connections that are measured come from 127.0.0.1.
  private static func dial(_ port: UInt16, from source: Int, echoes: Bool) throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // The port is chosen when the other end is known. `ip(7)`
    var yes: Int32 = 1
    setsockopt(number, Int32(IPPROTO_IP), bindAddressWithoutPort, &yes, socklen_t(MemoryLayout<Int32>.size))
    let isBound = with(UInt32(0x7f00_0100) + UInt32(source), 0) { bind(number, $0, $1) } == 0
    let isConnected = with(0x7f00_0001, port) { Glibc.connect(number, $0, $1) } == 0
    var byte: UInt8 = 1
    guard isBound, isConnected, !echoes || (send(number, &byte, 1, 0) == 1 && recv(number, &byte, 1, 0) == 1) else {
      throw Failure(description: "a connection that is to stay: errno \(errno)")
    }
  }

  private static func with(_ host: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
    -> Int32
  {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = host.bigEndian
    return withUnsafePointer(to: &address) { pointer in
      // Valid until `body` returns, and made to be seen as any family's `sockaddr`.
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  /// Starts this program again, and waits for its word.
  private static func start(_ words: [String]) throws {
    var (input, output): ([Int32], [Int32]) = ([0, 0], [0, 0])
    guard pipe(&input) == 0, pipe(&output) == 0 else { throw Failure(description: "pipe: errno \(errno)") }
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
    // Copies that live until the call returns, as it demands.
    let copies: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for case let copy? in copies { free(copy) } }
    var number: pid_t = 0
    guard posix_spawn(&number, "/proc/self/exe", &actions, nil, copies, environ) == 0 else {
      throw Failure(description: "posix_spawn")
    }
    close(input[0])
    close(output[1])
    // The write end of its input stays open for as long as this process lives.
    var byte: UInt8 = 0
    guard read(output[0], &byte, 1) == 1 else { throw Failure(description: "the connections that are to stay failed") }
    close(output[0])
  }
}
