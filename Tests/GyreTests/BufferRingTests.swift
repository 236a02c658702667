import CLiburing
import Testing

@testable import Gyre

/// The ring of buffers, without a kernel that takes from it.
struct BufferRingTests {
  private static let size = 64

  /// Calls `body` with a ring over memory that it must not touch.
  private func withRing(_ count: Int, _ body: (inout BufferRing) throws -> Void) throws {
    let block = UnsafeMutableRawPointer.allocate(byteCount: count * BufferRingTests.size, alignment: 16)
    defer { block.deallocate() }
    var ring = try BufferRing(block: block, count: count, size: BufferRingTests.size)
    try body(&ring)
  }

  @Test func bytesAreInAsManyBuffersAsTheyFill() throws {
    try withRing(8) { ring in
      for (bytes, number) in [(0, 1), (1, 1), (64, 1), (65, 2), (128, 2), (512, 8)] {
        #expect(ring.number(from: 0, for: bytes) == number, "\(bytes) bytes")
      }
    }
  }

  /// Some kernels shorten an entry and leave it so; the next bundle goes on in the next buffer after so many bytes.
  @Test func anEntryThatTheKernelShortenedHoldsLess() throws {
    try withRing(8) { ring in
      let entries = UnsafeMutableRawPointer(ring.memory).assumingMemoryBound(to: io_uring_buf.self)
      entries[2].len = 10
      #expect(ring.length(of: 1) == 64 && ring.length(of: 2) == 10)
      #expect(ring.number(from: 1, for: 74) == 2)
      #expect(ring.number(from: 1, for: 75) == 3)
      #expect(ring.number(from: 2, for: 11) == 2)
      ring.take(3)
      // Put into the ring again it is whole.
      for index in 0..<3 { ring.putBack(UInt16(index)) }
      #expect(ring.length(of: 2) == 64)
    }
  }

  @Test func buffersFollowOneAnotherInTheOrderInWhichTheyWerePutBack() throws {
    try withRing(4) { ring in
      #expect([0, 1, 2].map { ring.buffer(after: $0) } == [1, 2, 3])
      ring.take(3)
      for index in [2, 0, 1] { ring.putBack(UInt16(index)) }
      // The ring has gone round: 3 is the oldest, and in its last place.
      #expect([3, 2, 0].map { ring.buffer(after: $0) } == [2, 0, 1])
      #expect(ring.available == 4)
    }
  }

  @Test func theWorkingSetGrowsWhenItRunsLowAndShrinksWhenItDoesNot() throws {
    try withRing(1024) { ring in
      ring.receivesAreLimited()
      #expect(ring.available == 64)
      ring.take(49)
      #expect(ring.available == 128)
      for index in 0..<49 { ring.putBack(UInt16(index)) }
      #expect(ring.available == 128, "what is beyond the working set goes into the reserve")
      var next = (0..<UInt16(49)).map { $0 }
      var rounds = 0
      while ring.available > 64, rounds < 100_000 {
        ring.take(1)
        next.append(next.removeFirst())
        ring.putBack(next.last!)
        rounds += 1
      }
      #expect(ring.available == 64)
    }
  }

  @Test func receivesThatFoundNoneOpenTheReserveOnce() throws {
    try withRing(1024) { ring in
      ring.receivesAreLimited()
      ring.take(64)
      #expect(ring.available == 128)
      for _ in 0..<10 { ring.noteExhaustion() }
      #expect(ring.available == 128)
    }
  }

  /// One connection may have taken them all: the next one gets as many, and no more.
  @Test func aRingThatIsEmptiedAtOnceIsFilledUpAndNotEnlarged() throws {
    try withRing(1024) { ring in
      for _ in 0..<10 {
        #expect(ring.available == 32)
        for _ in 0..<32 { ring.take(1) }
        ring.noteExhaustion()
        // The reserve has what was taken.
        #expect(ring.available >= 16 && ring.available <= 32)
        ring.take(ring.available)
      }
    }
  }

  /// Many connections found nothing: it doubles, once for each time that it was used up.
  @Test func aRingIsEnlargedForThoseThatFoundNothing() throws {
    try withRing(1024) { ring in
      for size in [64, 128, 256] {
        ring.take(ring.available)
        for _ in 0..<100 {
          ring.noteExhaustion()
          ring.noteShortage()
        }
        #expect(ring.available == size)
      }
    }
  }
}
