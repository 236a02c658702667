import Glibc

/// Waits between two samples, until the user has seen enough: Ctrl-C, SIGTERM, or the key q.
///
/// A thread of its own takes the signals and says so through a pipe: one `poll(2)` waits for the time, the keys and them.
struct Pause: Sendable {
  /// Why a wait ended.
  enum End {
    case timeOver
    case stopped
  }

  private let stopped: Int32
  private let readsKeys: Bool

  /// Begins to watch for signals, which `SignalWatch.block` has to have kept until now; once a process.
  ///
  /// - Parameter readsKeys: whether the input is a terminal that hands over each key.
  init(readsKeys: Bool) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { fatalError("no pipe to watch for signals") }
    self.readsKeys = readsKeys
    stopped = ends[0]
    let signal = ends[1]
    SignalWatch(onFirst: { _ = write(signal, "x", 1) }, onGraceOver: {}, grace: 1).start()
  }

  func wait(milliseconds: Int) -> End {
    var descriptors = [pollfd(fd: stopped, events: Int16(POLLIN), revents: 0)]
    if readsKeys { descriptors.append(pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)) }
    let count = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds))
    guard count > 0 else { return .timeOver }
    if descriptors[0].revents != 0 || isEnd(descriptors.last!) { return .stopped }
    return .timeOver
  }

  /// Whether what was typed is an end: q, or the end of the input.
  private func isEnd(_ input: pollfd) -> Bool {
    guard readsKeys, input.revents != 0 else { return false }
    var key: UInt8 = 0
    return read(STDIN_FILENO, &key, 1) != 1 || key == UInt8(ascii: "q")
  }
}
