/// A message's header fields: the head's bytes, and where in them the names and values are.
struct Fields: Equatable {
  struct Place: Equatable {
    let name: Range<Int>
    let value: Range<Int>
  }

  private let bytes: [UInt8]
  private let places: [Place]

  /// - Parameter places: each within `bytes`.
  init(_ bytes: [UInt8] = [], _ places: [Place] = []) {
    self.bytes = bytes
    self.places = places
  }

  var count: Int { places.count }

  /// The values of all fields of this name, which is in lower case.
  subscript(name: String) -> [String] { places.filter { self.name($0) == name }.map(value) }

  /// Names, in lower case, and values, as they came.
  var all: [(name: String, value: String)] { places.map { (name($0), value($0)) } }

  private func name(_ place: Place) -> String {
    String(decoding: bytes[place.name], as: UTF8.self).lowercased()
  }

  private func value(_ place: Place) -> String { String(decoding: bytes[place.value], as: UTF8.self) }
}
