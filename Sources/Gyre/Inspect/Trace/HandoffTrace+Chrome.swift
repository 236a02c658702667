extension HandoffTrace {
  /// The events as JSON that Perfetto (ui.perfetto.dev) and `chrome://tracing` open.
  ///
  /// Each connection is a process there, with one track for each queue that it or its bytes waited in, and an instant for
  /// each event.
  public var chromeTrace: String {
    let events = events
    guard let start = events.first?.time else { return ChromeTraceWriter.document([], lost: lost) }
    var writer = ChromeTraceWriter(start: start)
    for connection in Set(events.map(\.connection)).sorted() {
      let own = events.filter { $0.connection == connection }
      writer.name(connection, peer: peer(of: connection))
      for span in HandoffSpans(own).spans { writer.add(span, of: connection) }
      for event in own { writer.add(event) }
    }
    return ChromeTraceWriter.document(writer.entries, lost: lost)
  }
}
