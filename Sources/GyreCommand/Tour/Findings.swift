/// The kernel's numbers at some moments, as a table for people and as JSON for programs.
struct Findings: Sendable {
  /// A number, or what stands for it.
  enum Value: Sendable, Equatable {
    case number(Int)
    case bytes(Int)
    case duration(Duration)
    /// How full a queue is, and its limit.
    case queue(Int, of: Int)
    case text(String)
    /// Not known, or not to the point at this moment.
    case none
  }

  /// What a column of numbers is.
  struct Column: Sendable {
    /// The name in JSON. Durations are in microseconds there, and the name says so.
    let key: String
    /// The name for people.
    let label: String

    init(_ key: String, _ label: String) {
      self.key = key
      self.label = label
    }
  }

  /// A moment.
  struct Row: Sendable {
    let key: String
    let label: String
    let values: [Value]
  }

  /// Moments with the same columns.
  struct Table: Sendable {
    let columns: [Column]
    var rows: [Row] = []
  }

  private(set) var tables: [Table] = []

  /// With a table that has these columns.
  init(_ columns: Column...) { self.init(columns: columns) }

  init(columns: [Column]) { tables.append(Table(columns: columns)) }

  /// Begins another table.
  mutating func begin(_ columns: Column...) { tables.append(Table(columns: columns)) }

  /// Adds a moment to the table: a value for each of its columns.
  mutating func add(_ key: String, _ label: String, _ values: Value...) {
    tables[tables.count - 1].rows.append(Row(key: key, label: label, values: values))
  }

  /// Adds several.
  mutating func add(_ rows: [Row]) { tables[tables.count - 1].rows += rows }
}

extension Findings: Encodable {
  private struct Key: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// An object for each moment, with a key for each column.
  func encode(to encoder: any Encoder) throws {
    var moments = encoder.container(keyedBy: Key.self)
    for table in tables {
      for row in table.rows {
        var moment = moments.nestedContainer(keyedBy: Key.self, forKey: Key(row.key))
        for (column, value) in zip(table.columns, row.values) { try Findings.encode(value, column, to: &moment) }
      }
    }
  }

  private static func encode(_ value: Value, _ column: Column, to object: inout KeyedEncodingContainer<Key>) throws {
    let key = Key(column.key)
    switch value {
    case .number(let number), .bytes(let number): try object.encode(number, forKey: key)
    case .duration(let duration): try object.encode(duration / .microseconds(1), forKey: key)
    case .text(let text): try object.encode(text, forKey: key)
    case .none: try object.encodeNil(forKey: key)
    case .queue(let length, let limit):
      try object.encode(length, forKey: key)
      try object.encode(limit, forKey: Key(column.key + "Limit"))
    }
  }
}
