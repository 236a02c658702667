import ArgumentParser
import Glibc
import Gyre

/// `gyre tour-process`: what the tour starts as processes of their own. Not for people.
struct TourProcessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "tour-process", shouldDisplay: false)

  /// What it does.
  enum Role: String, ExpressibleByArgument, CaseIterable {
    /// Writes to a variable in itself and in a forked copy.
    case isolation
    /// Writes to memory that it shares with a forked copy.
    case copyOnWrite
    /// Serves until its input ends.
    case server
  }

  @Argument var role: Role
  @Option var port: UInt16 = 0
  @Option var backend = BackendChoice.automatic

  func run() throws {
    switch role {
    case .isolation: try Output.say(JSONText.make(IsolationTrial.run()))
    case .copyOnWrite: try Output.say(JSONText.make(CopyOnWriteTrial.run()))
    case .server: try TourServer(port: port, backend: backend).run()
    }
  }
}
