/// Rows of cells in columns that are as wide as they need to be.
struct TextTable {
  /// Which end of a column's cells is even.
  enum Alignment {
    case left
    case right
  }

  private let columns: [Alignment]
  private var rows: [[String]] = []

  /// - Parameter columns: the alignment of each; two spaces stand before and between them.
  init(_ columns: Alignment...) { self.columns = columns }

  init(_ columns: [Alignment]) { self.columns = columns }

  mutating func add(_ cells: String...) { rows.append(cells) }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  var lines: [String] {
    let widths = columns.indices.map { column in rows.map { TextStyle.width(of: $0[column]) }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { pad(row[$0], to: widths[$0], columns[$0]) }
      let line = "  " + cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }

  private func pad(_ text: String, to width: Int, _ alignment: Alignment) -> String {
    let space = String(repeating: " ", count: width - TextStyle.width(of: text))
    return alignment == .left ? text + space : space + text
  }
}
