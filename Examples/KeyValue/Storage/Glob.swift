/// A pattern for keys: `*` is any number of bytes, `?` is one, `[a-c]` one of these, `[^a]` any other; a backslash takes
/// the meaning from what follows it.
struct Glob {
  private enum Part {
    case anyNumber
    case one(Set<UInt8>, isExcluded: Bool)
  }

  private let parts: [Part]

  init(_ pattern: RawSpan) {
    var parts: [Part] = []
    var bytes = pattern.withUnsafeBytes { Array($0) }[...]
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): parts.append(.anyNumber)
      case UInt8(ascii: "?"): parts.append(.one([], isExcluded: true))
      case UInt8(ascii: "["): parts.append(Glob.oneOf(&bytes))
      default: parts.append(.one([Glob.literal(byte, &bytes)], isExcluded: false))
      }
    }
    self.parts = parts
  }

  /// Whether all of `text` fits. Takes at most as many steps as the product of both lengths: only the last `*` is tried
  /// again, for if that one cannot take what is left, none before it can.
  func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    var (part, offset) = (0, 0)
    var retry: (part: Int, offset: Int)?
    while offset < text.count || part < parts.count {
      if part < parts.count {
        switch parts[part] {
        case .anyNumber:
          retry = (part + 1, offset)
          part += 1
          continue
        case .one(let bytes, let isExcluded):
          if offset < text.count, bytes.contains(text[offset]) != isExcluded {
            (part, offset) = (part + 1, offset + 1)
            continue
          }
        }
      }
      guard let next = retry, next.offset < text.count else { return false }
      retry = (next.part, next.offset + 1)
      (part, offset) = (next.part, next.offset + 1)
    }
    return true
  }

  private static func literal(_ byte: UInt8, _ bytes: inout ArraySlice<UInt8>) -> UInt8 {
    byte == UInt8(ascii: "\\") ? bytes.popFirst() ?? byte : byte
  }

  /// What is between brackets, of which the first one has been taken.
  private static func oneOf(_ bytes: inout ArraySlice<UInt8>) -> Part {
    var set: Set<UInt8> = []
    let isExcluded = bytes.first == UInt8(ascii: "^")
    if isExcluded { bytes.removeFirst() }
    while let byte = bytes.popFirst(), byte != UInt8(ascii: "]") {
      let first = literal(byte, &bytes)
      guard bytes.count > 1, bytes.first == UInt8(ascii: "-"), bytes.dropFirst().first != UInt8(ascii: "]") else {
        set.insert(first)
        continue
      }
      bytes.removeFirst()
      let last = literal(bytes.removeFirst(), &bytes)
      set.formUnion(min(first, last)...max(first, last))
    }
    return .one(set, isExcluded: isExcluded)
  }
}
