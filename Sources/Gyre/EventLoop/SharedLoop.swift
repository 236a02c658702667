/// The process's loop for callers without one.
enum SharedLoop {
  private static let loop = Locked<EventLoop?>(nil)

  /// Its first loop in a program that runs on Gyre as a whole.
  static func get() throws -> EventLoop {
    if let first = ProgramExecutors.installed?.loops.first, !first.ending.isOver { return first }
    return try loop.withLock { loop in
      if let loop { return loop }
      let made = try EventLoop.start()
      loop = made
      return made
    }
  }
}
