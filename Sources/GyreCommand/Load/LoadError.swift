import Gyre

/// Why a load, or one of its connections, came to nothing.
enum LoadError: Error, CustomStringConvertible, Equatable {
  /// A connection could not be made, after so many others.
  case noConnection(SocketError, number: Int, of: Int)
  /// No answer to a connection attempt.
  case connectTakesTooLong(SocketAddress, seconds: Int)
  /// The user gave up before the load began.
  case interrupted
  /// The server ended the stream while it owed bytes.
  case closedByServer
  /// Bytes came back that were not sent.
  case wrongBytes
  /// The server owed an answer when the time was over.
  case noAnswer

  var description: String {
    switch self {
    case .noConnection(let error, let number, let total):
      "\(error)\(number > 0 ? ", after \(number) of \(total) connections" : "")\(LoadError.hint(error))"
    case .connectTakesTooLong(let address, let seconds): "connect to \(address): no answer within \(seconds) seconds"
    case .interrupted: "interrupted while connecting"
    case .closedByServer: "the server closed the connection"
    case .wrongBytes: "bytes came back that were not sent"
    case .noAnswer: "no answer"
    }
  }

  private static func hint(_ error: SocketError) -> String {
    switch error.errno {
    case .connectionRefused: "; nothing listens there: `gyre echo --port \(error.address?.port ?? 0)` would"
    case .tooManyOpenFiles: "; each connection is an open file: raise `ulimit -n`"
    default: ""
    }
  }
}
