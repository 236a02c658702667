import CLiburing
import Glibc
import Testing

@testable import Gyre

struct RingFeaturesTests {
  /// The features, or `nil` after asserting that io_uring is denied, and by an error that the kernel itself gives.
  private func features() throws -> RingFeatures? {
    switch RingFeatures.probe() {
    case .success(let features):
      #expect(KernelRing.denial == nil)
      return features
    case .failure(let error):
      #expect(error.rawValue == KernelRing.denial)
      return nil
    }
  }

  @Test(.enabled(if: (try? OptionalFeature.withheld.get())?.isEmpty == true, "features are withheld"))
  func whatTheProbeFindsIsWhatTheKernelSays() throws {
    guard let features = try features() else { return }
    let ring = try #require(KernelRing(0))
    #expect(Set(features.operations.map { UInt32($0) }) == ring.operations)
    #expect(features.featureBits == ring.features)
    #expect(features.noIOWait == (ring.features & GYRE_FEAT_NO_IOWAIT != 0))
    #expect(features.waitTimeout == (ring.features & IORING_FEAT_EXT_ARG != 0))
    #expect(features.fixedDescriptorInstall == ring.supports(GYRE_OP_FIXED_FD_INSTALL))
    #expect(features.messageRing == features.performs(IORING_OP_MSG_RING))
    let query = KernelQuery()
    guard query.result == 0 else { return }
    // Whatever knows the query is younger than everything that Gyre uses.
    for row in features.rows { #expect(row.available, "\(row.name)") }
    #expect(UInt64(features.setupFlags) & ~query.answer.ring_setup_flags == 0)
    #expect(features.sendMessageRing)
  }

  @Test func everyRowSaysWhatItIsFor() throws {
    guard let features = try features() else { return }
    #expect(Set(features.rows.map(\.name)).count == features.rows.count)
    for row in features.rows { #expect(!row.name.isEmpty && !row.use.isEmpty) }
  }

  @Test func itLeavesNoDescriptorOpen() throws {
    let before = openRings()
    for _ in 0..<200 { _ = RingFeatures.probe() }
    // Other tests make rings of their own at the same time, but not two hundred.
    #expect(openRings() < before + 200)
  }

  /// Descriptors of this process that are rings.
  private func openRings() -> Int {
    (0..<Int32(getdtablesize())).prefix(4096).count { descriptor in
      let name = Array("anon_inode:[io_uring]".utf8CString.dropLast())
      var target = [CChar](repeating: 0, count: 64)
      let length = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
      return length == name.count && target.starts(with: name)
    }
  }
}
