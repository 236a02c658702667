import CLiburing
import Glibc
import Gyre

/// A client that blocks: its messages fit into the kernel's buffers, and it reads only what is there.
struct Client: Sendable {
  private static let size = 64
  private let descriptor: Int32

  struct Failure: Error {
    let call: String
    let number: Int32
  }

  init(to address: SocketAddress) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    target.sin_port = address.port.bigEndian
    target.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    // The kernel copies the address before the call returns.
    let result = withUnsafeBytes(of: &target) {
      connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
    }
    if result != 0 { throw Failure(call: "connect", number: errno) }
  }

  func send() {
    withUnsafeTemporaryAllocation(byteCount: Client.size, alignment: 1) { message in
      message.initializeMemory(as: UInt8.self, repeating: 7)
      let count = Glibc.send(descriptor, message.baseAddress, Client.size, Int32(MSG_NOSIGNAL))
      precondition(count == Client.size, "a send to a server on the same loop was short")
    }
  }

  func receive() {
    withUnsafeTemporaryAllocation(byteCount: Client.size, alignment: 1) { message in
      let count = recv(descriptor, message.baseAddress, Client.size, Int32(MSG_DONTWAIT))
      precondition(count == Client.size && message.allSatisfy { $0 == 7 }, "an answer is short or wrong")
    }
  }

  func close() { Glibc.close(descriptor) }
}
