/// An actor at one end of the way.
protocol End: Actor {
  /// Takes a parcel to the other end and back, so many times.
  func carry(_ parcel: Parcel, to other: Self, trips: Int) async -> Parcel
}

extension End {
  /// Takes parcels there and back, each in a task that begins here.
  func carry(_ parcels: [Parcel], to other: Self, trips: Int) async -> [Parcel] {
    let tasks = parcels.map { parcel in Task { await carry(parcel, to: other, trips: trips) } }
    var returned: [Parcel] = []
    for task in tasks { returned.append(await task.value) }
    return returned
  }
}
