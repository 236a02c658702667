import CLiburing

/// The Swift runtime that this process has loaded, which need not be the one that Gyre was compiled with: a program that links
/// it dynamically takes what it finds. What depends on the runtime's insides asks here first.
enum LoadedRuntime {
  #if compiler(>=6.3) && compiler(<6.4) && _pointerBitWidth(_64)
    /// Whether it is of the version whose executors and tasks Gyre knows, as is the compiler.
    static let isKnown = _SwiftStdlibVersion.current._value >> 8 == 0x0603

    /// Decides, once, whether tasks suspend as the jobs that they are; without that they use continuations. Called before a
    /// loop turns.
    static func decideHowToSuspend() { _ = decision }

    private static let decision: Void = gyre_set_suspends_tasks(isKnown && SuspensionProbe().passes())
  #else
    static let isKnown = false

    static func decideHowToSuspend() {}
  #endif
}
