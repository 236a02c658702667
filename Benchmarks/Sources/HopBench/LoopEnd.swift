import Gyre

/// An actor at one end that lives on a loop; otherwise as `DefaultEnd`.
actor LoopEnd: End {
  private let loop: EventLoop
  private var received = 0

  init(loop: EventLoop) { self.loop = loop }

  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }

  // Not inlined, or there would be no call left to measure.
  @inline(never)
  func receive(_ parcel: Parcel) -> Parcel {
    var parcel = parcel
    parcel.arrive()
    received += 1
    return parcel
  }

  func carry(_ parcel: Parcel, to other: LoopEnd, trips: Int) async -> Parcel {
    var parcel = parcel
    for _ in 0..<trips { parcel = receive(await other.receive(parcel)) }
    return parcel
  }
}
