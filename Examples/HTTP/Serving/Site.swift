/// What there is to be had.
enum Site {
  private static let longest = 16 << 20

  static func answer(_ request: Request) -> Response {
    switch request.path {
    case "/": return get(request) { Response(.ok, "Hello from Gyre.\n") }
    case "/fields": return get(request) { Response(.ok, fields(request)) }
    case "/echo":
      return [.post, .put].contains(request.method) ? Response(bytes: request.body) : Response(allowing: [.post, .put])
    case "*": return Response(.ok, "")
    default:
      guard request.path.hasPrefix("/bytes/"), let count = Int(request.path.dropFirst(7)), (0...longest).contains(count)
      else { return Response(.notFound, "there is no \(request.path)\n") }
      return get(request) { Response(bytes: [UInt8](repeating: UInt8(ascii: "x"), count: count)) }
    }
  }

  private static func get(_ request: Request, _ response: () -> Response) -> Response {
    [.get, .head].contains(request.method) ? response() : Response(allowing: [.get, .head])
  }

  private static func fields(_ request: Request) -> String {
    request.fields.all.map { "\($0.name): \($0.value)\n" }.joined()
  }
}
