import ArgumentParser
import Gyre

extension SocketAddress {
  /// The address of a `--host` and a `--port`.
  ///
  /// - Throws: `ValidationError` for a host that is no numeric address.
  init(hostOption host: String, port: UInt16) throws(ValidationError) {
    do throws(SocketAddress.ParseError) {
      try self.init(host: host, port: port)
    } catch {
      throw ValidationError("--host: \(error)")
    }
  }
}
