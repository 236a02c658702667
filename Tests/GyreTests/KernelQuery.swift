import CLiburing
import Glibc

/// The kernel's answer to `IORING_REGISTER_QUERY`.
struct KernelQuery {
  private(set) var header = gyre_query_hdr()
  private(set) var answer = gyre_query_opcode()
  private(set) var result: Int32 = 0

  /// Kernels without the query: `EBADF` where every operation wants a ring; the rest where io_uring is denied.
  static let refusals = [EINVAL, EBADF, EPERM, ENOSYS, EACCES]

  init() { ask(UInt32(GYRE_QUERY_OPCODES)) }

  mutating func ask(_ question: UInt32) {
    header = gyre_query_hdr()
    header.query_op = question
    header.size = UInt32(MemoryLayout<gyre_query_opcode>.size)
    // Both structs are used by the kernel until the call returns, and stay in place until then.
    result = withUnsafeMutablePointer(to: &answer) { answer in
      header.query_data = UInt64(UInt(bitPattern: answer))
      return gyre_register(-1, UInt32(GYRE_REGISTER_QUERY), &header, 0)
    }
  }
}
