/// Two tasks on the stock pool, and an `AsyncStream` each way: as `LoopPair`, without loops.
struct StreamPair: Sendable {
  /// Takes the parcels there and back so many times.
  func carry(_ parcels: [Parcel], trips: Int) async -> [Parcel] {
    let (there, toThere) = AsyncStream.makeStream(of: Parcel.self)
    let (back, toBack) = AsyncStream.makeStream(of: Parcel.self)
    let echo = Task.detached {
      for await var parcel in there {
        parcel.arrive()
        toBack.yield(parcel)
      }
    }
    let caller = Task.detached {
      for parcel in parcels { toThere.yield(parcel) }
      return await StreamPair.callAgain(toThere, back, parcels.count, trips)
    }
    let returned = await caller.value
    toThere.finish()
    await echo.value
    return returned
  }

  /// Sends what comes back until it has been there so many times.
  private static func callAgain(
    _ there: AsyncStream<Parcel>.Continuation,
    _ back: AsyncStream<Parcel>,
    _ count: Int,
    _ trips: Int
  ) async -> [Parcel] {
    var returned: [Parcel] = []
    for await var parcel in back {
      parcel.arrive()
      if parcel.arrivals < 2 * trips { there.yield(parcel) } else { returned.append(parcel) }
      if returned.count == count { break }
    }
    return returned
  }
}
