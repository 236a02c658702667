/// A moment at which a connection, or bytes on it, pass from one party to the next: between the kernel's queues, the loop
/// and a task.
public enum Handoff: UInt8, Sendable, CaseIterable {
  /// The kernel had completed the handshake and put the connection into the accept queue.
  case queued
  /// The accept's completion was in the completion queue.
  case acceptPosted
  /// The loop took the accept's completion out of the queue.
  case acceptReaped
  /// The task that accepts has the connection.
  case acceptResumed
  /// The loop told the kernel to receive.
  case receiveArmed
  /// Bytes were in the kernel's receive queue.
  case receiveQueue
  /// The receive's completion was in the completion queue.
  case receivePosted
  /// The loop took the receive's completion out of the queue.
  case receiveReaped
  /// The task that receives has the bytes.
  case receiveResumed
  /// A task's bytes went into the submission queue.
  case sendSubmitted
  /// The kernel had taken the bytes into its send queue.
  case sendTaken
  /// The task that sends goes on.
  case sendResumed
  /// The peer's kernel had acknowledged sent bytes.
  case acknowledged
  /// The connection's descriptor was closed.
  case closed
}
