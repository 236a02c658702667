import Foundation
import Testing

@testable import Gyre
@testable import KeyValue

@Suite struct KeyValueImageTests {
  @Test func whatIsSavedIsLoaded() throws {
    try TemporaryDirectory.with { directory in
      let table = Table()
      for number in 0..<2000 {
        let key = Array("key \(number)".utf8)
        let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 300)
        let entry = table.set(key, to: value)
        table.setExpiry(of: entry, to: Int64(number % 3))
      }
      let big = [UInt8](repeating: 7, count: 3 << 20)
      table.set([], to: big)
      let size = try ImageWriter.save(table, to: directory + "/image")
      #expect(try Data(contentsOf: URL(fileURLWithPath: directory + "/image")).count == size)
      let loaded = try #require(try ImageReader.load(directory + "/image"))
      #expect(loaded.count == 2001)
      #expect(loaded.expiringCount == table.expiringCount)
      table.forEach { entry in
        let other = loaded.find(RawSpan(_unsafeBytes: entry.key))
        #expect(other.map { Array($0.value) } == Array(entry.value))
        #expect(other?.header.pointee.expiry == entry.header.pointee.expiry)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["image"])
    }
  }

  @Test func noFileIsNoError() throws {
    let loaded = try TemporaryDirectory.with { directory in try ImageReader.load(directory + "/image") }
    #expect(loaded == nil)
  }

  /// Whatever bit is wrong, and wherever the file ends.
  @Test func everyDamageIsFound() throws {
    try TemporaryDirectory.with { directory in
      let path = directory + "/image"
      let table = Table()
      for key in ["a", "bb", ""] { table.set(key, to: "value") }
      _ = try ImageWriter.save(table, to: path)
      let image = try Data(contentsOf: URL(fileURLWithPath: path))
      for bit in 0..<image.count * 8 {
        var damaged = image
        damaged[bit / 8] ^= 1 << (bit % 8)
        try expectDamaged(damaged, path)
      }
      for count in 0..<image.count { try expectDamaged(image.prefix(count), path) }
      try expectDamaged(image + [0], path)
      try expectDamaged(image + image, path)
    }
  }

  private func expectDamaged(_ data: Data, _ path: String) throws {
    try data.write(to: URL(fileURLWithPath: path))
    do {
      _ = try ImageReader.load(path)
      Issue.record("damage was not found")
    } catch ImageError.damaged {}
  }

  /// The check value of CRC-64/XZ.
  @Test func theChecksumIsTheKnownOne() {
    var checksum = Checksum()
    Array("123456789".utf8).withUnsafeBytes { checksum.add($0) }
    #expect(checksum.value == 0x995D_C9BB_DF19_39FA)
  }

  /// What cannot be written is told, and the last good file is kept.
  @Test func aFailedSaveKeepsTheLastImage() throws {
    try TemporaryDirectory.with { directory in
      let path = directory + "/image"
      let table = Table()
      _ = try ImageWriter.save(table, to: path)
      let before = try Data(contentsOf: URL(fileURLWithPath: path))
      table.set("a", to: "b")
      mkdir(ImageWriter.temporaryPath(for: path), 0o700)
      #expect(throws: ImageError.system(.create, path: path + ".saving", Errno(rawValue: EISDIR))) {
        try ImageWriter.save(table, to: path)
      }
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
      #expect(throws: ImageError.system(.create, path: directory + "/none/image.saving", Errno(rawValue: ENOENT))) {
        try ImageWriter.save(table, to: directory + "/none/image")
      }
    }
  }
}
