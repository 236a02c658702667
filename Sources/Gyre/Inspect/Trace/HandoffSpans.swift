/// The time that a traced connection and its bytes spent in each queue.
struct HandoffSpans {
  struct Span: Equatable {
    let stage: Stage
    let start: UInt64
    let end: UInt64
    /// Bytes, or -errno; 0 for an accept and for the end of the stream.
    let value: Int
  }

  enum Stage: String, CaseIterable {
    case acceptQueue = "accept queue"
    case receiveQueue = "receive queue"
    case completionQueue = "completion queue"
    case runQueue = "run queue"
    case task = "task"
    case send = "send"
    case unacknowledged = "unacknowledged"
  }

  private(set) var spans: [Span] = []

  private var starts: [Handoff: [UInt64]] = [:]
  private var received = BytesUnderWay()
  private var sent = BytesUnderWay()
  private var taskStart: UInt64?

  /// - Parameter events: those of one connection, by time. What began before the first is left out.
  init(_ events: [HandoffTrace.Event]) {
    for event in events { take(event) }
  }

  private mutating func take(_ event: HandoffTrace.Event) {
    switch event.handoff {
    case .queued, .receiveArmed, .receiveQueue: break
    case .acceptPosted: end(.acceptQueue, since: .queued, event)
    case .acceptReaped: end(.completionQueue, since: .acceptPosted, event)
    case .acceptResumed:
      end(.runQueue, since: .acceptReaped, event)
      taskStart = event.time
    case .receivePosted where event.value <= 0: break
    case .receivePosted: end(.receiveQueue, since: .receiveQueue, event)
    case .receiveReaped:
      end(.completionQueue, since: .receivePosted, event)
      received.add(event.value, at: event.time)
    case .receiveResumed:
      end(.runQueue, received.take(event.value), event)
      taskStart = event.time
    case .sendSubmitted: endTask(event)
    case .sendTaken:
      end(.send, since: .sendSubmitted, event)
      if event.value > 0 { sent.add(event.value, at: event.time) }
    case .sendResumed:
      end(.runQueue, since: .sendTaken, event)
      taskStart = event.time
    case .acknowledged: end(.unacknowledged, sent.take(event.value), event)
    case .closed: endTask(event)
    }
    starts[event.handoff, default: []].append(event.time)
  }

  private mutating func end(_ stage: Stage, since handoff: Handoff, _ event: HandoffTrace.Event) {
    guard let start = starts[handoff]?.first else { return }
    starts[handoff]?.removeFirst()
    spans.append(Span(stage: stage, start: start, end: event.time, value: event.value))
  }

  private mutating func end(_ stage: Stage, _ parts: [BytesUnderWay.Part], _ event: HandoffTrace.Event) {
    for part in parts { spans.append(Span(stage: stage, start: part.start, end: event.time, value: part.count)) }
  }

  private mutating func endTask(_ event: HandoffTrace.Event) {
    guard let start = taskStart else { return }
    taskStart = nil
    spans.append(Span(stage: .task, start: start, end: event.time, value: event.value))
  }
}
