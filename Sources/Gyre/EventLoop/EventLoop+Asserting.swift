extension EventLoop {
  /// Stops a debug build unless the calling code runs on this loop's thread. Nothing in a release build.
  ///
  /// For whatever belongs to the loop's thread: an argument for `@unchecked Sendable` that nothing checks is a comment.
  @inline(__always)
  func assertIsCurrent(file: StaticString = #fileID, line: UInt = #line) {
    assert(isCurrent || isOnOwnThread, "this belongs to the loop's thread", file: file, line: line)
  }
}
