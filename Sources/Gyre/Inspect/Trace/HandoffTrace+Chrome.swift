extension HandoffTrace {
  /// The events as JSON that Perfetto (ui.perfetto.dev) and `chrome://tracing` open.
  ///
  /// Each connection is a process there, with one track for each queue that it or its bytes waited in, and an instant for
  /// each event.
  public var chromeTrace: String {
    let (groups, peers) = (eventsByConnection, peers)
    var writer = ChromeTraceWriter(start: groups.compactMap { $0.events.first?.time }.min() ?? 0)
    for (connection, events) in groups {
      writer.name(connection, peer: peers[connection])
      for span in HandoffSpans(events).spans { writer.add(span, of: connection) }
      for event in events { writer.add(event) }
    }
    return ChromeTraceWriter.document(writer.entries, lost: lost)
  }
}
