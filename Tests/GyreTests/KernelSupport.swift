import Testing

@testable import Gyre

/// What of io_uring this kernel has beyond what every loop needs, less what `GYRE_WITHOUT` takes away. Tests that cannot
/// do without say so, and are skipped with the reason elsewhere.
enum KernelSupport {
  /// `nil` where loops cannot use io_uring at all.
  static let features: RingFeatures? = Backends.available.contains(.uring) ? try? RingFeatures.probe().get() : nil

  static let hasDirectDescriptors = features.map { $0.directAccept && $0.fixedDescriptorInstall } ?? false
  static let hasReceiveBundles = features?.receiveBundles ?? false
  static let hasMessages = features?.messageRing ?? false
}

extension Trait where Self == ConditionTrait {
  static var needsIOUring: Self {
    .enabled(if: KernelSupport.features != nil, "loops cannot use io_uring here: see `gyre doctor`")
  }

  static var needsDirectDescriptors: Self {
    .enabled(if: KernelSupport.hasDirectDescriptors, "this kernel has no direct descriptors")
  }

  static var needsReceiveBundles: Self {
    .enabled(if: KernelSupport.hasReceiveBundles, "this kernel receives no bundles: Linux 6.18 and later")
  }

  static var needsMessages: Self {
    .enabled(if: KernelSupport.hasMessages, "rings send each other no messages here: MSG_RING")
  }
}
