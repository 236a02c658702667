/// A chapter as people read it.
struct ChapterText {
  let number: Int
  let chapter: any Chapter
  let style: TextStyle

  private static let width = 78

  /// What comes before it is run.
  var opening: [String] {
    let title = "\(number)  \(chapter.title)"
    return [style.bold(title), style.dim(String(repeating: "─", count: ChapterText.width)), ""]
      + Prose.wrap(chapter.explanation, indent: "", width: ChapterText.width)
  }

  /// The numbers, and what to make of them.
  func closing(_ findings: Findings) -> [String] {
    findings.tables.flatMap { [""] + lines($0) } + [""]
      + Prose.wrap(chapter.reading, indent: "", width: ChapterText.width) + [""]
      + suggestion
  }

  private var suggestion: [String] {
    let lines = Prose.wrap(chapter.suggestion, indent: "     ", width: ChapterText.width)
    guard let first = lines.first else { return [] }
    return [style.cyan("Try: ") + first.dropFirst(5)] + lines.dropFirst()
  }

  private func lines(_ table: Findings.Table) -> [String] {
    var text = TextTable([.left] + table.columns.indices.map { alignment(of: $0, in: table) })
    text.add([""] + table.columns.map { style.dim($0.label) })
    for row in table.rows { text.add([row.label] + row.values.map(cell)) }
    return text.lines
  }

  private func alignment(of column: Int, in table: Findings.Table) -> TextTable.Alignment {
    let isText = table.rows.contains { if case .text = $0.values[column] { true } else { false } }
    return isText ? .left : .right
  }

  private func cell(_ value: Findings.Value) -> String {
    switch value {
    case .number(let number): Quantity.count(number)
    case .bytes(let count): Quantity.bytes(Double(count))
    case .duration(let duration): Quantity.duration(nanoseconds: UInt64(max(duration / .nanoseconds(1), 0)))
    case .text(let text): text
    case .none: style.dim("–")
    case .queue(let length, let limit):
      Bar.text(length, of: limit, width: 8, style: style) + " \(Quantity.count(length)) of \(Quantity.count(limit))"
    }
  }
}
