/// A call of `send` or `shutdown` that waits for those before it.
struct SendRequest {
  let payload: Payload
  let waiter: Waiter
}
