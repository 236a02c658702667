import Glibc
import Gyre

/// Saves the keys in the background: a forked child writes the image of the moment of the fork.
final class Saver {
  /// A save under way.
  private struct Run {
    let child: ForkedChild
    let report: SaveReport
    let started: ContinuousClock.Instant
  }

  /// How a save went.
  struct Outcome {
    /// What went wrong, if anything.
    var failure: String?
    var duration: Duration
    var content: SaveReport.Content
  }

  let path: String
  private var run: Run?
  /// Seconds since 1970 of the last save that worked, or of the start.
  private(set) var lastSave = WallClock.milliseconds / 1000
  private(set) var lastOutcome: Outcome?
  private(set) var lastForkDuration = Duration.zero

  init(path: String) { self.path = path }

  /// The child that is writing.
  var childID: Int32? { run?.child.processID }

  /// How long the save under way has taken so far.
  var elapsed: Duration? { (run?.started).map { ContinuousClock.now - $0 } }

  /// KiB that this process has had to copy since the fork, as far as the kernel tells.
  var copiedSoFar: Int {
    guard let before = run?.report.values.parentBefore, before >= 0 else { return 0 }
    return max((PrivateMemory.dirty(ofProcess: getpid()) ?? before) - before, 0)
  }

  /// Forks the child.
  ///
  /// - Throws: `ForkError` if the process cannot fork, `Errno` if it has no memory for the report.
  func begin(_ table: Table) throws -> ForkedChild {
    let report = try SaveReport()
    let path = path
    let parent = getpid()
    let started = ContinuousClock.now
    let child = try ForkedChild.start { Saver.save(table, to: path, report, parent: parent) }
    lastForkDuration = child.forkDuration
    run = Run(child: child, report: report, started: started)
    return child
  }

  /// Notes how the child ended.
  func end(_ exit: ProcessExit) {
    guard let run else { return }
    end(failure: exit == .exited(0) ? nil : describe(exit, run.report.values))
  }

  /// Notes that the child has ended, and what went wrong, if anything.
  func end(failure: String?) {
    guard let run else { return }
    self.run = nil
    if failure == nil { lastSave = WallClock.milliseconds / 1000 } else { unlink(ImageWriter.temporaryPath(for: path)) }
    lastOutcome = Outcome(failure: failure, duration: ContinuousClock.now - run.started, content: run.report.values)
  }

  private func describe(_ exit: ProcessExit, _ content: SaveReport.Content) -> String {
    guard let step = ImageError.Step(rawValue: content.step) else { return "the saving process ended with \(exit)" }
    return "\(ImageError.system(step, path: path, Errno(rawValue: content.errno)))"
  }

  /// What the child does.
  private static func save(_ table: Table, to path: String, _ report: SaveReport, parent: Int32) -> Int32 {
    report.noteMemoryBefore(parent: parent)
    do throws(ImageError) {
      report.note(imageSize: try ImageWriter.save(table, to: path))
      report.noteMemoryAfter(parent: parent)
      return 0
    } catch {
      report.note(error)
      return 1
    }
  }
}
