import Gyre

/// A sample as people look at it.
struct WatchView {
  let target: WatchTarget
  let style: TextStyle
  /// Columns that a line may take.
  let columns: Int

  /// Lines of a listener's name and of what comes before its bars.
  private static let labelColumns = 16
  private static let numberColumns = 18

  /// - Parameter height: lines that there is room for; connections beyond it are counted and not shown.
  func lines(_ sample: WatchSample, height: Int = .max) -> [String] {
    guard !sample.addresses.isEmpty else { return ["nothing listens \(target.place) any more"] }
    let above = target == .host ? overview(sample) : sample.addresses.flatMap(detail)
    let below = loopLines(sample.loops) + hostLines(sample.host)
    guard target != .host else { return above + below }
    return above + connections(sample.connections, room: height - above.count - below.count) + below
  }

  // MARK: Listeners

  /// All listeners, a line each.
  private func overview(_ sample: WatchSample) -> [String] {
    var table = TextTable(.left, .left, .right, .left, .right, .right, .right)
    table.add(["listening on", "process", "SYN queue", "accept queue", "", "drops/s", "connections"].map(style.dim))
    for address in sample.addresses {
      for (number, listener) in address.listeners.enumerated() {
        table.add(
          number == 0 ? address.address.description : "",
          owner(listener),
          number == 0 ? Quantity.count(address.synQueue) : "",
          Bar.text(listener.acceptQueue, of: listener.acceptQueueLimit, width: 10, style: style),
          "\(Quantity.count(listener.acceptQueue)) of \(Quantity.count(listener.acceptQueueLimit))",
          rate(listener.dropsPerSecond),
          number == 0 ? Quantity.count(address.connections) : ""
        )
      }
    }
    return table.lines
  }

  /// An address with its queues as bars.
  private func detail(_ address: WatchSample.Address) -> [String] {
    // Since Linux 4.3 the accept queue's limit is the SYN queue's too.
    let limit = address.listeners.map(\.acceptQueueLimit).reduce(0, +)
    var lines = [
      style.bold(address.address.description), bar("SYN queue", address.synQueue, of: limit),
    ]
    for listener in address.listeners {
      if address.listeners.count > 1 { lines.append("  " + owner(listener)) }
      lines.append(bar("accept queue", listener.acceptQueue, of: listener.acceptQueueLimit))
      lines.append(label("drops") + drops(listener))
    }
    if address.listeners.count == 1 { lines[0] += "  " + owner(address.listeners[0]) }
    let held = "\(bytes(address.received)) in receive queues, \(bytes(address.sent)) in send queues"
    return lines + [label("connections") + "\(Quantity.count(address.connections)), \(held)", ""]
  }

  private func bar(_ name: String, _ value: Int, of limit: Int) -> String {
    let width = min(max(columns - WatchView.labelColumns - WatchView.numberColumns - 4, 8), 60)
    let numbers = "\(Quantity.count(value)) of \(Quantity.count(limit))"
    return label(name) + Bar.text(value, of: limit, width: width, style: style) + "  " + numbers
  }

  private func label(_ text: String) -> String {
    "  " + text + String(repeating: " ", count: WatchView.labelColumns - text.count)
  }

  private func drops(_ listener: WatchSample.Listener) -> String {
    guard let drops = listener.drops else { return "unknown to this kernel" }
    let text = "\(rate(listener.dropsPerSecond)) a second, \(Quantity.count(drops)) since it listens"
    return (listener.dropsPerSecond ?? 0) > 0 ? style.red(text) : text
  }

  private func owner(_ listener: WatchSample.Listener) -> String {
    guard let first = listener.processes.first else { return style.dim("not known") }
    let others = listener.processes.count - 1
    return "\(first.name) \(first.pid)" + (others > 0 ? style.dim(" and \(others) more") : "")
  }

  private func rate(_ value: Double?) -> String { value.map { Quantity.decimal($0, places: $0 < 10 ? 1 : 0) } ?? "–" }

  // MARK: Connections

  private func connections(_ connections: [DiagnosedSocket], room: Int) -> [String] {
    // The head, and a line that counts the rest.
    let shown = connections.prefix(max(min(room, connections.count + 2) - 2, 0))
    guard !shown.isEmpty else { return [] }
    var table = TextTable(.left, .left, .right, .right, .right, .right)
    table.add(["peer", "state", "receive queue", "send queue", "round trip", "sent again"].map(style.dim))
    for connection in shown {
      table.add(
        connection.remote.description,
        connection.state.text,
        queue(connection.receiveQueue),
        queue(connection.sendQueue),
        connection.path.map { Quantity.duration(nanoseconds: UInt64($0.roundTripTime / .nanoseconds(1))) } ?? "",
        connection.path.map { Quantity.count($0.retransmissions) } ?? ""
      )
    }
    let rest = connections.count - shown.count
    return table.lines + (rest > 0 ? [style.dim("  and \(Quantity.count(rest)) more")] : [])
  }

  private func queue(_ count: Int) -> String { count == 0 ? style.dim("0 B") : style.yellow(bytes(count)) }

  private func bytes(_ count: Int) -> String { Quantity.bytes(Double(count)) }

  // MARK: Loops

  /// A line for each loop, in the order in which work goes around.
  private func loopLines(_ loops: [LoopSample]?) -> [String] {
    guard let loops else { return [] }
    let columns = [
      ("jobs ready", "jobsReady"), ("prepared", "prepared"), ("in kernel", "inKernel"), ("completed", "completed"),
      ("overflows", "overflows"), ("buffers held", "buffersHeld"), ("free", "buffersFree"), ("timers", "timers"),
    ]
    var table = TextTable([.left, .left] + columns.map { _ in .right })
    table.add(["loop", ""].map(style.dim) + columns.map { style.dim($0.0) })
    for (number, loop) in loops.enumerated() {
      let values = columns.map { column in (loop.queues[column.1] ?? nil).map { Quantity.count($0) } ?? "–" }
      table.add(["\(number + 1)", loop.backend.description] + values)
    }
    return [""] + table.lines
  }

  // MARK: The host

  private func hostLines(_ host: HostDrops?) -> [String] {
    guard let host else { return [] }
    let overflows = "\(Quantity.count(host.acceptQueueOverflows)) overflows of accept queues"
    let syns = "\(Quantity.count(host.synCookies)) SYN cookies, \(Quantity.count(host.synDrops)) SYNs dropped"
    return ["", style.dim("this host since it started: \(overflows), \(syns)")]
  }
}

extension WatchTarget {
  /// Where it is, in a sentence.
  var place: String {
    switch self {
    case .host: "on this host"
    case .port(let port): "on port \(port)"
    case .process(let number): "in process \(number)"
    }
  }
}
