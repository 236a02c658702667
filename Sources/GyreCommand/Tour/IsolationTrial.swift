import Glibc

/// A variable in a process and in its forked copy: one address, two memories.
struct IsolationTrial: Codable {
  /// One of the two.
  struct Side: Codable {
    let thread: ThreadIdentity
    let address: Int
    let wrote: Int
    /// What it reads when both have written.
    let reads: Int
  }

  let parent: Side
  let child: Side

  static func run() throws -> IsolationTrial {
    // Lives until this function returns, in each of the two processes.
    let variable = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    defer { variable.deallocate() }
    variable.pointee = 0
    let child = try ForkedProcess { question in
      if question == 1 { variable.pointee = 2 }
      return [Int(ThreadIdentity.current.pid), Int(ThreadIdentity.current.tid), variable.pointee]
    }
    defer { child.end() }
    variable.pointee = 1
    _ = try child.ask(1)
    let answer = try child.ask(2)
    let address = Int(bitPattern: variable)
    let copy = ThreadIdentity(pid: Int32(answer[0]), tid: Int32(answer[1]))
    return IsolationTrial(
      parent: Side(thread: .current, address: address, wrote: 1, reads: variable.pointee),
      child: Side(thread: copy, address: address, wrote: 2, reads: answer[2])
    )
  }
}
