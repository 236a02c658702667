import CLiburing

/// The running task, as a number to compare.
enum CurrentTask {
  /// 0 outside of tasks. A task's number can come again after it has ended.
  @inline(__always)
  static var identity: UInt { UInt(bitPattern: gyre_current_task()) }
}
