import CLiburing
import Glibc

/// An address in memory that stays where it is while the kernel connects to it.
final class ConnectAddress {
  // Valid until `deinit`; the socket holds this object until the connect's terminal completion.
  private let storage = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: 1)
  let length: socklen_t

  init(_ address: SocketAddress) { length = address.write(to: storage) }

  deinit { storage.deallocate() }

  var pointer: UnsafePointer<sockaddr> { UnsafeRawPointer(storage).assumingMemoryBound(to: sockaddr.self) }
}
