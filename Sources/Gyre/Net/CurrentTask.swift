/// The running task, as a number to compare.
enum CurrentTask {
  /// 0 outside of tasks. A task's number can come again after it has ended.
  @inline(__always)
  static var identity: UInt {
    withUnsafeCurrentTask { task in
      guard let task else { return 0 }
      return unsafeBitCast(task, to: UInt.self)
    }
  }
}
