/// A socket as the kernel knows it: an ordinary file descriptor, or a slot in the ring's own table of files.
///
/// A direct descriptor spares the kernel the look-up and the reference count of every operation. It exists only inside
/// its ring: what needs an ordinary descriptor (`setsockopt(2)`, `TCP_INFO`) has one installed beside it.
enum Descriptor: Equatable, Sendable {
  case ordinary(Int32)
  case direct(Int32)

  /// The number that goes into a submission entry.
  var number: Int32 {
    switch self {
    case .ordinary(let number), .direct(let number): number
    }
  }

  var isDirect: Bool {
    if case .direct = self { true } else { false }
  }
}
