import Synchronization

@testable import Gyre

/// Carries a chunk to another thread.
final class ChunkBox: Sendable {
  private let chunk: Mutex<Chunk?>

  init(_ chunk: consuming Chunk) { self.chunk = Mutex(chunk) }

  func take() -> Chunk? {
    chunk.withLock { chunk in
      let taken = chunk.take()
      return taken
    }
  }
}
