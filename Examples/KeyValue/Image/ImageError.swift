import Gyre

/// An image could not be written or read.
enum ImageError: Error, Hashable, CustomStringConvertible {
  /// What is done with the file or its directory.
  enum Step: Int32, CaseIterable {
    case create = 1
    case write
    case sync
    case rename
    case syncDirectory
    case open
    case read
  }

  case system(Step, path: String, Errno)
  /// The file is not what an image looks like, at this byte.
  case damaged(path: String, offset: Int, String)

  var description: String {
    switch self {
    case .system(.syncDirectory, let path, let errno): "sync the directory of \(path): \(errno)"
    case .system(let step, let path, let errno): "\(step) \(path): \(errno)"
    case .damaged(let path, let offset, let what):
      "the image \(path) is damaged: \(what) (byte \(offset)). It was left as it is and nothing was loaded. Put a copy of "
        + "the file in its place, or move it away to start without keys"
    }
  }
}
