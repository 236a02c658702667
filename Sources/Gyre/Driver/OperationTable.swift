import CLiburing

/// Every operation in flight on one loop, from its start to its terminal completion.
///
/// It keeps the target alive for as long as the kernel may complete into it, and is the one place where identifiers are
/// made and matched, the same for every driver. Slots live in one block that grows by doubling: no allocation an
/// operation.
final class OperationTable {
  private struct Slot {
    var generation: UInt32 = 1
    var nextFree: UInt32 = 0
    var target: Unmanaged<OperationTarget>?
    var role: OperationRole = .close
    var descriptor: Int32 = -1
  }

  private var slots: UnsafeMutableBufferPointer<Slot>
  private var firstFree: UInt32 = 0

  /// Operations that have not had their terminal completion.
  private(set) var inFlight = 0
  /// Those of them that complete again and again.
  private(set) var multishots = 0
  /// Operations started since the loop began.
  private(set) var started: UInt64 = 0
  /// Completions for an operation that had ended: always 0 unless a driver breaks the contract.
  private(set) var strays = 0

  init(capacity: Int = 64) {
    // Freed in `deinit`; only this class reaches it.
    slots = .allocate(capacity: capacity)
    initializeSlots(from: 0)
  }

  deinit {
    precondition(inFlight == 0, "an operation outlived its loop")
    slots.deallocate()
  }

  /// Enters an operation and keeps `target` until it ends.
  @inline(__always)
  func begin(_ operation: Operation, for target: OperationTarget) -> OperationID {
    if firstFree == UInt32(slots.count) { grow() }
    let index = firstFree
    let slot = slots.baseAddress! + Int(index)
    firstFree = slot.pointee.nextFree
    slot.pointee.target = .passUnretained(target)
    // One reference for all of them.
    if target.operationsInFlight == 0 { _ = Unmanaged.passRetained(target) }
    target.operationsInFlight += 1
    slot.pointee.role = operation.role
    slot.pointee.descriptor = operation.descriptor.number
    inFlight += 1
    if slot.pointee.role.isMultishot { multishots += 1 }
    started &+= 1
    return OperationID(slot: index, generation: slot.pointee.generation)
  }

  /// Tells the operation's target, and ends the operation if this is its terminal completion.
  ///
  /// - Returns: whether there was such an operation; if not, whatever the completion carries is the caller's to give back.
  @inline(__always)
  func deliver(_ completion: Completion, to id: OperationID) -> Bool {
    guard let slot = slot(of: id), let target = slot.pointee.target else {
      strays += 1
      return false
    }
    let role = slot.pointee.role
    if completion.hasMore {
      target._withUnsafeGuaranteedRef { $0.operationCompleted(role, completion) }
    } else {
      end(slot, index: id.slot)
      let isLast = target._withUnsafeGuaranteedRef {
        $0.operationsInFlight -= 1
        let isLast = $0.operationsInFlight == 0
        $0.operationCompleted(role, completion)
        return isLast
      }
      if isLast { target.release() }
    }
    return true
  }

  /// What a connection's state takes, in bytes.
  private static let targetSize: Int32 = 448

  /// Gets a target's memory into the processor's cache, for a completion that comes soon: with a thousand connections no
  /// cache has them all, and fetching one while others are handled takes no time.
  @inline(__always)
  func prefetch(_ id: OperationID) {
    guard Int(id.slot) < slots.count, let target = slots[Int(id.slot)].target else { return }
    gyre_prefetch(target.toOpaque(), OperationTable.targetSize)
  }

  func isInFlight(_ id: OperationID) -> Bool { slot(of: id) != nil }

  /// The number of the descriptor that an operation in flight works on.
  func descriptor(of id: OperationID) -> Int32? { slot(of: id)?.pointee.descriptor }

  /// The targets of everything in flight, each as often as it has operations.
  var targets: [OperationTarget] { slots.compactMap { $0.target?.takeUnretainedValue() } }

  @inline(__always)
  private func slot(of id: OperationID) -> UnsafeMutablePointer<Slot>? {
    guard Int(id.slot) < slots.count else { return nil }
    let slot = slots.baseAddress! + Int(id.slot)
    return slot.pointee.generation == id.generation && slot.pointee.target != nil ? slot : nil
  }

  @inline(__always)
  private func end(_ slot: UnsafeMutablePointer<Slot>, index: UInt32) {
    slot.pointee.target = nil
    // Zero is skipped: it would make `OperationID.none` a real identifier.
    slot.pointee.generation = slot.pointee.generation == .max ? 1 : slot.pointee.generation + 1
    slot.pointee.nextFree = firstFree
    firstFree = index
    inFlight -= 1
    if slot.pointee.role.isMultishot { multishots -= 1 }
  }

  private func grow() {
    let old = slots
    slots = .allocate(capacity: old.count * 2)
    _ = slots.moveInitialize(fromContentsOf: old)
    old.deallocate()
    initializeSlots(from: old.count)
  }

  private func initializeSlots(from first: Int) {
    for index in first..<slots.count {
      slots.initializeElement(at: index, to: Slot(nextFree: UInt32(index + 1)))
    }
  }
}
