import CLiburing

// What ThreadSanitizer is told where it runs, since it does not see it by itself. Elsewhere these are empty functions.

/// A lock is held from here.
@usableFromInline
func noteAcquire(_ lock: UnsafeMutableRawPointer) { gyre_sanitizer_acquire(lock) }

/// A lock is held up to here.
@usableFromInline
func noteRelease(_ lock: UnsafeMutableRawPointer) { gyre_sanitizer_release(lock) }

/// The calling task comes after what resumed its continuation: to be called after each `withUnsafeContinuation`. The runtime tells
/// of that order only if the task has suspended before it is resumed; one that is resumed before goes on without a word
/// (`swift_continuation_await`).
@usableFromInline
func noteResumed() { gyre_sanitizer_resumed() }
