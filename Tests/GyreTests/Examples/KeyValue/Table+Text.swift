@testable import KeyValue

extension Table {
  @discardableResult
  func set(_ key: String, to value: String) -> Entry { set(Array(key.utf8), to: Array(value.utf8)) }

  @discardableResult
  func set(_ key: [UInt8], to value: [UInt8]) -> Entry { set(key.span.bytes, to: value.span.bytes) }

  func find(_ key: String) -> Entry? { find(Array(key.utf8).span.bytes) }

  func remove(_ key: String) -> Bool { remove(Array(key.utf8).span.bytes) }
}
