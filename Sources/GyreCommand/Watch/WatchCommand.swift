import ArgumentParser
import Glibc
import Gyre

/// `gyre watch`: the kernel's queues of any listener, live.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Shows the kernel's queues of any TCP listener on this host, live.",
    discussion: """
      The listener need not be Gyre's: the kernel is asked (sock_diag), which needs no privilege. Whose a listener is, is \
      shown as far as this user may know. Ctrl-C or q ends it. Where the output is no terminal, one sample is \
      printed as text, or as many as asked for.

      With --json the output is one object with these keys:
        listeners    [{address, synQueue, listeners: [{processes: [{pid, name}], acceptQueue, acceptQueueLimit, drops, \
      dropsPerSecond}], connections, receiveQueues, sendQueues}]: queues of connections are in bytes, dropsPerSecond is \
      null in one sample
        connections  [{local, remote, state, receiveQueue, sendQueue, unsent, sendWindow, receiveWindow, \
      roundTripMicroseconds, retransmissions}]: the server's ends, the fullest first
        loops        [{backend, queues: {name: number}}]: what --inspect asks a Gyre process for, or null
        host         {acceptQueueOverflows, drops, synCookies, synDrops}: of all listeners since the host started
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A port on which something listens, or a process. Default: all listeners.",
      valueName: "port|pid"
    )
  )
  var number: Int32?

  @Flag(help: "The number is a process, even if something listens on that port.")
  var pid = false

  @Option(help: ArgumentHelp("The time between two samples.", valueName: "seconds"))
  var interval = 1.0

  @Option(
    help: ArgumentHelp(
      "End after that many samples. Default: never on a terminal, after one elsewhere.",
      valueName: "n"
    )
  )
  var samples: Int?

  @Option(help: ArgumentHelp("Ask a Gyre process for its loops' queues, at its inspection socket.", valueName: "path"))
  var inspect: String?

  @Flag(help: "Print one sample as a JSON object.")
  var json = false

  func validate() throws {
    if let number, number < 1 { throw ValidationError("\(number) is neither a port nor a process") }
    if pid && number == nil { throw ValidationError("--pid wants the number of a process") }
    guard (0.05...3600).contains(interval) else {
      throw ValidationError("--interval: use 0.05 to 3600, not \(interval)")
    }
    if let samples, samples < 1 { throw ValidationError("--samples: use 1 or more, not \(samples)") }
  }

  func run() throws {
    var watcher = Watcher(try target(), inspectionPath: inspect)
    if json { return try Output.say(JSONText.make(watcher.sample())) }
    SignalWatch.block()
    if isatty(STDOUT_FILENO) == 1 { try watchLive(&watcher) } else { try watchAsText(&watcher) }
  }

  private func target() throws -> WatchTarget {
    do {
      return try number.map { try WatchTarget(number: $0, isProcess: pid) } ?? .host
    } catch let error as Errno {
      throw WatchError.noDiagnostics(error)
    }
  }

  // MARK: A terminal

  private func watchLive(_ watcher: inout Watcher) throws {
    // The first sample is taken before the terminal: what is wrong is said where it stays.
    var sample = try watcher.sample()
    let screen = LiveScreen()
    defer { screen.leave() }
    let pause = Pause(readsKeys: screen.readsKeys)
    var taken = 1
    while true {
      let deadline = ContinuousClock.now + .seconds(interval)
      repeat {
        screen.paint(frame(sample, watcher.target, screen.size))
        if pause.wait(milliseconds: milliseconds(until: deadline)) == .stopped { return }
      } while ContinuousClock.now < deadline
      if let samples, taken >= samples { return }
      sample = try watcher.sample()
      taken += 1
    }
  }

  /// No longer than a change of the window's size may go unnoticed.
  private func milliseconds(until deadline: ContinuousClock.Instant) -> Int {
    min(max(Int((deadline - .now) / .milliseconds(1)) + 1, 1), 250)
  }

  private func frame(_ sample: WatchSample, _ target: WatchTarget, _ size: (columns: Int, lines: Int)) -> [String] {
    let style = TextStyle.ofOutput
    let title = "gyre watch: listeners \(target.place)"
    let hint = "every \(Quantity.decimal(interval, places: interval < 1 ? 2 : 0)) s, q ends"
    let space = String(repeating: " ", count: max(size.columns - title.count - hint.count, 2))
    let view = WatchView(target: target, style: style, columns: size.columns)
    return [style.bold(title) + space + style.dim(hint), ""] + view.lines(sample, height: size.lines - 2)
  }

  // MARK: Anything else

  private func watchAsText(_ watcher: inout Watcher) throws {
    let pause = Pause(readsKeys: false)
    let view = WatchView(target: watcher.target, style: .plain, columns: 80)
    for number in 1...(samples ?? 1) {
      if number > 1, pause.wait(milliseconds: Int(interval * 1000)) == .stopped { return }
      try Output.say((number > 1 ? "\n" : "") + view.lines(watcher.sample()).joined(separator: "\n"))
    }
  }
}
