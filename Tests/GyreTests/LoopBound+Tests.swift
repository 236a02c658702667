@testable import Gyre

extension LoopBound where Value == StreamSocket {
  // What tests look at, on the connection's loop.
  var descriptor: Descriptor { onLoop.descriptor }
  var isAwaited: Bool { onLoop.isAwaited }
  var isReceiving: Bool { onLoop.isReceiving }
  var hasArrived: Bool { onLoop.hasArrived }
  var payload: Payload? { onLoop.payload }
  var queuedSends: Int { onLoop.sendQueue?.count ?? 0 }
}

extension LoopBound where Value == ListenSocket {
  var shortages: Shortages { onLoop.shortages }
}
