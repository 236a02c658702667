/// An operation that ends with one completion and holds memory that a suspended task lends to the kernel.
struct OneShot {
  var id = OperationID.none
  var waiter: Waiter?
  var isCancelled = false
}
