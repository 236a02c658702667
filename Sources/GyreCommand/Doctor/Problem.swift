/// Something about this machine that gets in a server's way.
struct Problem: Encodable, Equatable {
  /// What it is and what it does.
  let what: String
  /// What to do about it.
  let advice: String
}
