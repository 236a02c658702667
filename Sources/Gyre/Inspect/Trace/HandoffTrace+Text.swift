extension HandoffTrace {
  /// The events as text, one connection after the other: milliseconds since the connection's first event, since the one
  /// before, and what happened.
  public var text: String {
    let peers = peers
    var lines: [String] = []
    for (connection, events) in eventsByConnection {
      let peer = peers[connection].map { " from \($0)" } ?? ""
      lines.append("connection \(connection)\(peer)")
      lines += HandoffTrace.lines(events)
      lines.append("")
    }
    let lost = lost
    if lost > 0 { lines.append("\(lost) older events made room for newer ones") }
    return lines.joined(separator: "\n")
  }

  private static func lines(_ events: [Event]) -> [String] {
    guard let first = events.first else { return [] }
    var before = first.time
    return events.map { event in
      defer { before = event.time }
      let step = event.time == before ? "" : "+" + milliseconds(event.time - before)
      return padded(milliseconds(event.time - first.time), 12) + padded(step, 12) + "  " + event.description
    }
  }

  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    let microseconds = (nanoseconds + 500) / 1000
    let fraction = String(microseconds % 1000)
    return "\(microseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

extension HandoffTrace.Event: CustomStringConvertible {
  /// What happened, without the time.
  public var description: String {
    if value < 0 && handoff != .queued { return "\(handoff.title): \(Errno(rawValue: Int32(clamping: -value)).name)" }
    switch handoff {
    case .queued:
      let synQueue = synQueue.map { ", \($0) in the SYN queue" } ?? ""
      return "\(handoff.title); when it left, \(value) more in the accept queue\(synQueue)"
    case .receivePosted where value == 0, .receiveReaped where value == 0, .receiveResumed where value == 0:
      return "\(handoff.title): the end of the stream"
    case .receiveQueue, .receivePosted, .receiveReaped, .receiveResumed, .sendSubmitted, .sendTaken, .acknowledged:
      return "\(handoff.title): \(value) byte\(value == 1 ? "" : "s")"
    case .acceptPosted, .acceptReaped, .acceptResumed, .receiveArmed, .sendResumed, .closed: return handoff.title
    }
  }
}

extension Handoff {
  /// What happened, in some words.
  public var title: String {
    switch self {
    case .queued: "queued by the kernel"
    case .acceptPosted: "accept: completion posted"
    case .acceptReaped: "accept: completion reaped"
    case .acceptResumed: "accept: task resumed"
    case .receiveArmed: "receive: armed"
    case .receiveQueue: "receive: in the kernel’s receive queue"
    case .receivePosted: "receive: completion posted"
    case .receiveReaped: "receive: completion reaped"
    case .receiveResumed: "receive: task resumed"
    case .sendSubmitted: "send: submitted"
    case .sendTaken: "send: taken by the kernel"
    case .sendResumed: "send: task resumed"
    case .acknowledged: "send: acknowledged by the peer"
    case .closed: "closed"
    }
  }
}
