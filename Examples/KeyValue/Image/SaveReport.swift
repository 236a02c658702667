import Glibc
import Gyre

/// What the child of a background save tells the parent: a page that both share, and that no copy is made of. `mmap(2)`
final class SaveReport {
  /// Set by the child; read by the parent once the child has ended, and the memory figures at any time.
  struct Content {
    var step: Int32 = 0
    var errno: Int32 = 0
    var imageSize = 0
    /// KiB of private memory when the child began, and when it had written the image; -1 if the kernel does not tell.
    var childBefore = -1
    var childAfter = -1
    var parentBefore = -1
    var parentAfter = -1
  }

  // Mapped until `deinit`, in the child until its end. Whole words, of which each is written by one side.
  private let content: UnsafeMutablePointer<Content>

  init() throws(Errno) {
    let flags = MAP_SHARED | MAP_ANONYMOUS
    let memory = mmap(nil, MemoryLayout<Content>.size, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory, memory != UnsafeMutableRawPointer(bitPattern: -1) else { throw Errno(rawValue: Glibc.errno) }
    content = memory.bindMemory(to: Content.self, capacity: 1)
    content.initialize(to: Content())
  }

  deinit { munmap(content, MemoryLayout<Content>.size) }

  var values: Content { content.pointee }

  // MARK: In the child

  func noteMemoryBefore(parent: Int32) {
    content.pointee.childBefore = PrivateMemory.dirty(ofProcess: getpid()) ?? -1
    content.pointee.parentBefore = PrivateMemory.dirty(ofProcess: parent) ?? -1
  }

  func noteMemoryAfter(parent: Int32) {
    content.pointee.childAfter = PrivateMemory.dirty(ofProcess: getpid()) ?? -1
    content.pointee.parentAfter = PrivateMemory.dirty(ofProcess: parent) ?? -1
  }

  func note(imageSize: Int) { content.pointee.imageSize = imageSize }

  func note(_ error: ImageError) {
    guard case .system(let step, _, let errno) = error else { return }
    content.pointee.step = step.rawValue
    content.pointee.errno = errno.rawValue
  }
}
