import CLiburing
import Glibc

/// A thread of the operating system, detached. `pthread_create(3)`
enum Thread {
  private final class Start {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread, or says why the kernel gives none.
  static func start(name: String, _ body: @escaping @Sendable () -> Void) -> Errno? {
    // The thread takes the reference over when it begins.
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    var thread = pthread_t()
    let result = pthread_create(&thread, &attributes, { Thread.begin($0) }, start.toOpaque())
    if result == 0 { return nil }
    start.release()
    return Errno(rawValue: result)
  }

  private static func begin(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
    gyre_name_thread(String(start.name.utf8.prefix(15)) ?? "gyre")
    start.body()
    return nil
  }
}
