/// A default actor at one end.
actor DefaultEnd: End {
  private var received = 0

  // Not inlined, or there would be no call left to measure.
  @inline(never)
  func receive(_ parcel: Parcel) -> Parcel {
    var parcel = parcel
    parcel.arrive()
    received += 1
    return parcel
  }

  func fill(_ filler: Filler) async { await filler.run() }

  func carry(_ parcel: Parcel, to other: DefaultEnd, trips: Int) async -> Parcel {
    var parcel = parcel
    for _ in 0..<trips { parcel = receive(await other.receive(parcel)) }
    return parcel
  }
}
