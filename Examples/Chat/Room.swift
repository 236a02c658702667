import Gyre

/// Who is here, and what they have yet to be sent.
///
/// The actor lives on the event loop that also does the connections' I/O. Its calls are ordered as any actor's are, but
/// cost no other thread and no lock: the caller's task just takes its turn on the same thread.
actor Room {
  private let executor: LoopSerialExecutor
  private var members: [Name: Member] = [:]

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(on loop: EventLoop) { executor = loop.serialExecutor }

  /// Adds a member and tells all. False if the name is taken.
  func join(_ name: Name) -> Bool {
    guard members[name] == nil else { return false }
    let others = members.keys.map(\.description).sorted().joined(separator: ", ")
    say("* \(name) has come in", from: name)
    members[name] = Member()
    tell(name, "* hello, \(name); here are: \(others.isEmpty ? "nobody yet" : others)")
    return true
  }

  /// Removes a member and tells the others; the member's writer gets `nil`.
  func leave(_ name: Name) {
    guard var member = members.removeValue(forKey: name) else { return }
    member.wakeWriter()
    say("* \(name) has left", from: name)
  }

  /// Gives a line to all but its author. Waits for nobody.
  func say(_ line: String, from author: Name) {
    for name in members.keys where name != author { tell(name, line) }
  }

  /// Gives a line to one member.
  func tell(_ name: Name, _ line: String) { members[name]?.tell(line) }

  /// What a member has to be sent, once there is something; `nil` after the member has left.
  func nextBatch(for name: Name) async -> [UInt8]? {
    while let member = members[name], member.outbox.isEmpty {
      await withCheckedContinuation { members[name]?.writer = $0 }
    }
    return members[name]?.outbox.takeAll()
  }
}
