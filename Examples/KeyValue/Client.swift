/// What the server knows of a connection's client: its number and its name, and what it is in the middle of.
struct Client {
  let number: Int
  var name: [UInt8]?
  var reply = Reply()
  /// The requests since MULTI.
  var transaction: Transaction?
}
