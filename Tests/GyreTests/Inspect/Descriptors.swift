@testable import Gyre

/// What kind of descriptors a loop's listeners accept.
enum Descriptors {
  case ordinary
  case direct

  static let available: [Descriptors] = KernelSupport.hasDirectDescriptors ? [.ordinary, .direct] : [.ordinary]

  func apply(to configuration: inout EventLoop.Configuration) {
    configuration.directDescriptors = self == .direct ? 256 : 0
    // A small completion queue, since as many slots as it has entries are kept free.
    if self == .direct { configuration.ring = Ring.Size(submissions: 16, completions: 16) }
  }
}
