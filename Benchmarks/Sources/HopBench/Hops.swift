import Measuring

/// Round trips of parcels between two ends that are busy with something else.
///
/// Only then do loops and default actors do the same. A loop that has nothing to do sleeps, and has to be woken. A default
/// actor that nobody uses is called on the caller's thread, as a function is: that is no hop, and nothing can be cheaper.
/// So there is a filler, the same on both sides, and `hops`, the share of arrivals on another thread than the one before,
/// tells whether there were any.
///
/// Both cores are busy all the time, and how much of the filler they do meanwhile is their schedulers' choice. So what a
/// round trip costs, `cpu_ns`, is all processor time for it, `total_ns`, less the fills that were done in it, `fills`, at what
/// one takes while there is nothing else, `fill_ns`: the work that it displaces. Where fills are few, the two are the same.
/// `had_cpu` is the share that the run had of the two cores: with less than all of it, the difference means little.
struct Hops {
  private let options: HopOptions
  private let filler = Filler()
  private let startFilling: @Sendable (Filler) -> Void

  /// - Parameter fill: starts tasks that run the filler at both ends.
  init(_ options: HopOptions, fill: @escaping @Sendable (Filler) -> Void) {
    self.options = options
    startFilling = fill
  }

  /// What a round trip takes, after a tenth of them to warm up.
  func measure(_ carry: @Sendable ([Parcel], _ trips: Int) async throws -> [Parcel]) async throws -> Figures {
    let fill = options.isAlone ? 0 : try await measureFills()
    let parcels = [Parcel](repeating: Parcel(), count: options.inFlight)
    _ = try await carry(parcels, max(1, options.tripsEach / 10))
    let fillsBefore = filler.fills
    let trips = options.inFlight * options.tripsEach
    let stopwatch = Stopwatch()
    let returned = try await carry(parcels, options.tripsEach)
    let (cpu, wall) = (stopwatch.processorTime / Double(trips), stopwatch.time / Double(trips))
    let fills = Double(filler.fills - fillsBefore) / Double(trips)
    filler.stop()
    let busy = options.isAlone ? [] : [("had_cpu", cpu / wall / 2)]
    return Figures(
      [
        ("cpu_ns", cpu - fills * fill), ("wall_ns", wall), ("cores", cpu / wall), ("hops", Hops.changes(of: returned)),
        ("total_ns", cpu), ("fills", fills), ("fill_ns", fill),
      ] + busy
    )
  }

  private static func changes(of parcels: [Parcel]) -> Double {
    Double(parcels.reduce(0) { $0 + $1.changes }) / Double(parcels.reduce(0) { $0 + $1.arrivals })
  }

  /// Starts the filler. Returns the processor time of a fill while there is nothing else.
  private func measureFills() async throws -> Double {
    startFilling(filler)
    let stopwatch = Stopwatch()
    try await Task.sleep(for: .milliseconds(50))
    return stopwatch.processorTime / Double(filler.fills)
  }
}
