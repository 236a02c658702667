import ArgumentParser

/// The `gyre` command-line tool.
@main
struct GyreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gyre",
    abstract: "Looks at this machine as Gyre's event loops see it, and runs an echo server and a load against it.",
    discussion: """
      To see it work: `gyre echo --port 7000` in one terminal, `gyre load --port 7000` in another.
      """,
    subcommands: [
      DoctorCommand.self, EchoCommand.self, LoadCommand.self, WatchCommand.self, TourCommand.self, PatternsCommand.self,
      TourProcessCommand.self, PatternServerCommand.self,
    ]
  )
}
