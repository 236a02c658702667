import Gyre

/// What is measured, and what waits beside it. All of it is on one loop, the server's; clients have a loop of their own.
enum Operation: String, CaseIterable, Sendable {
  /// A connection that is made, echoes a byte and ends, beside connections that have done so and stay.
  case connection
  /// A connection that is accepted and closed, beside other listeners at which a task waits.
  case accept
  /// A sleep of no length, beside tasks that sleep.
  case timer
  /// A number that is sent to another loop and back, beside tasks that wait at channels of their own.
  case hop
  /// A receive that is cancelled, beside tasks that wait at connections of their own.
  case cancelReceive = "cancel-receive"
  /// A sleep that is cancelled, beside tasks that sleep.
  case cancelSleep = "cancel-sleep"
  /// A receive from a channel that is cancelled, beside tasks that wait at the same channel.
  case cancelChannel = "cancel-channel"
  /// An accept that is cancelled, beside tasks that wait at the same listener.
  case cancelAccept = "cancel-accept"
  /// A look at a listener's queues, beside its connections.
  case sample
  /// The same with its SYN queue, for which the kernel walks its table of connections, as `gyre watch` has it do.
  case synSample = "syn-sample"

  /// How many are measured, where the command line does not say.
  var count: Int {
    switch self {
    case .connection, .accept: 2000
    case .timer, .hop, .cancelReceive, .cancelSleep, .cancelChannel, .cancelAccept: 20_000
    case .sample: 100_000
    case .synSample: 200
    }
  }

  /// Makes what waits. Returns what does the operation a number of times.
  func prepare(_ stage: Stage) async throws -> @Sendable (Int) async throws -> Void {
    switch self {
    case .connection: try await Connections.serve(stage).connect
    case .accept: try await Listeners.park(stage).accept
    case .timer: try await Sleepers.begin(stage).sleep
    case .hop: try await Hops.wait(stage).hop
    case .cancelReceive: try await Connections.await(stage).cancelReceive
    case .cancelSleep: try await Sleepers.begin(stage).cancel
    case .cancelChannel: try await Hops.waitTogether(stage).cancel
    case .cancelAccept: try await Listeners.parkTogether(stage).cancel
    case .sample: try await Connections.serve(stage).sample
    case .synSample: try await Connections.serve(stage).sampleWithSYNQueue
    }
  }
}
