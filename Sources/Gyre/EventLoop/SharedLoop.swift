/// The process's loop for callers without one.
enum SharedLoop {
  private static let loop = Locked<EventLoop?>(nil)

  static func get() throws -> EventLoop {
    try loop.withLock { loop in
      if let loop { return loop }
      let made = try EventLoop.start()
      loop = made
      return made
    }
  }
}
