/// What may follow `SCAN cursor`: `MATCH pattern`, `COUNT number` and `TYPE name`, each with its argument.
struct ScanOptions {
  private(set) var pattern: Glob?
  private(set) var count = 10
  /// False if keys of another type are asked for, of which there are none.
  private(set) var finds = true

  /// What is wrong with a request's options.
  enum Failure: Error {
    case syntax
    case patternTooLong

    var description: String {
      switch self {
      case .syntax: "ERR syntax error"
      case .patternTooLong: Store.patternTooLong
      }
    }
  }

  init(_ request: borrowing Request) throws(Failure) {
    guard request.count % 2 == 0 else { throw .syntax }
    for index in stride(from: 2, to: request.count, by: 2) {
      let value = request[index + 1]
      if request[index].isWord("MATCH") {
        guard let glob = Glob(value) else { throw .patternTooLong }
        pattern = glob
      } else if request[index].isWord("COUNT"), let number = value.integer, number > 0 {
        count = Int(number)
      } else if request[index].isWord("TYPE") {
        finds = value.isWord("STRING")
      } else {
        throw .syntax
      }
    }
  }
}
