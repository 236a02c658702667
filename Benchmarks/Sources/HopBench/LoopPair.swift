import Gyre

/// Two loops with a task on each, and a channel each way.
struct LoopPair: Sendable {
  let group: EventLoopGroup

  /// Takes the parcels there and back so many times.
  func carry(_ parcels: [Parcel], trips: Int) async throws -> [Parcel] {
    let (there, back) = (Channel<Parcel>(capacity: parcels.count), Channel<Parcel>(capacity: parcels.count))
    let echo = group.startTask(on: .loop(group.loops[1])) {
      while var parcel = try await there.receive() {
        parcel.arrive()
        try await back.send(parcel)
      }
    }
    let caller = group.startTask(on: .loop(group.loops[0])) {
      for parcel in parcels { try await there.send(parcel) }
      return try await LoopPair.callAgain(there, back, parcels.count, trips)
    }
    let returned = try await caller.value
    there.finish()
    try await echo.value
    return returned
  }

  /// Sends what comes back until it has been there so many times.
  private static func callAgain(
    _ there: Channel<Parcel>,
    _ back: Channel<Parcel>,
    _ count: Int,
    _ trips: Int
  ) async throws -> [Parcel] {
    var returned: [Parcel] = []
    while returned.count < count, var parcel = try await back.receive() {
      parcel.arrive()
      if parcel.arrivals < 2 * trips { try await there.send(parcel) } else { returned.append(parcel) }
    }
    return returned
  }
}
