import ArgumentParser

/// `gyre doctor`: which backend loops run on here, why, and what is in a server's way.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says which backend loops run on here and why, and what to do about what is in a server's way.",
    discussion: """
      Makes an event loop's driver of each kind, asks the kernel for every feature that Gyre uses, and reads the limits. \
      Exits with 0, or with 1 if no event loop can be made.

      With --json the output is one object with these keys:
        backend       "uring" or "epoll"; null if no loop can be made
        chosenBy      "automatic", or "environment" if GYRE_BACKEND decided
        reason        why, as a sentence
        ioUringError  the name of the kernel's refusal, such as "EPERM"; null where io_uring works
        ring          {submissions, completions}: the queues of a loop's ring; null without io_uring
        features      [{name, available, use}]: what Gyre uses of io_uring; empty without io_uring
        limits        {kernel, processors, openFiles, openFilesHard, lockedMemory, canLockAnyMemory, somaxconn, \
      maxSynBacklog, synCookies, ioUringDisabled, isFiltered}: null is unlimited or unknown, memory is in bytes
        problems      [{what, advice}]
      """
  )

  @Flag(help: "Print a JSON object instead of text.")
  var json = false

  func run() throws {
    let diagnosis = Diagnosis.make()
    try Output.say(json ? JSONText.make(diagnosis) : diagnosis.text)
    if diagnosis.backend == nil { throw ExitCode.failure }
  }
}
