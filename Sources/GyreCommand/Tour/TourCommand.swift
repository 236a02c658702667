import ArgumentParser
import Glibc
import Gyre

/// `gyre tour`: a guided demonstration of what the kernel does with connections, bytes, threads and processes.
struct TourCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tour",
    abstract: "Shows, chapter by chapter, what the kernel does with connections and bytes.",
    discussion: """
      Each chapter does the real thing on this machine's loopback interface and prints the kernel's own numbers. A whole \
      tour waits for Return between chapters if it runs in a terminal.

      \(chapterList)

      With --json a chapter is an object with these keys, and the whole tour an array of them:
        chapter, title  its number and name
        backend         "uring" or "epoll": what the chapter's loops ran on
        numbers         {moment: {name: number}}: bytes, counts, and times in microseconds
      """
  )

  private static var chapterList: String {
    Tour.chapters.enumerated().map { "  \($0 + 1)  \($1.title)" }.joined(separator: "\n")
  }

  @Argument(help: ArgumentHelp("A chapter. Default: all.", valueName: "n"))
  var number: Int?

  @Option(help: "What the loops run on: auto is io_uring where the kernel allows it.")
  var backend = BackendChoice.automatic

  @Flag(help: "Print the numbers as JSON.")
  var json = false

  func validate() throws {
    guard let number, !Tour.chapters.indices.contains(number - 1) else { return }
    throw ValidationError("there is no chapter \(number): use 1 to \(Tour.chapters.count)")
  }

  func run() throws {
    let numbers = number.map { [$0] } ?? Array(1...Tour.chapters.count)
    if json { return try printJSON(numbers) }
    for number in numbers {
      if number != numbers.first { try TourCommand.turnPage() }
      try tell(number)
    }
  }

  private func tell(_ number: Int) throws {
    let text = ChapterText(number: number, chapter: Tour.chapters[number - 1], style: .ofOutput)
    // Before the numbers are there, so that they are waited for with something to read.
    try Output.say(text.opening.joined(separator: "\n"))
    let findings = try Tour.run(text.chapter, on: backend)
    try Output.say(text.closing(findings).joined(separator: "\n"))
  }

  private static func turnPage() throws {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return try Output.say("", "") }
    try Output.write("\n" + TextStyle.ofOutput.dim("Return goes on, Ctrl-C ends the tour. "))
    // At the end of the input, go on all the same.
    _ = readLine()
    try Output.say("")
  }

  // MARK: JSON

  private struct Result: Encodable {
    let chapter: Int
    let title: String
    let backend: Backend
    let numbers: Findings
  }

  private func printJSON(_ numbers: [Int]) throws {
    let backend = try Tour.backend(of: backend)
    let results = try numbers.map { number in
      let chapter = Tour.chapters[number - 1]
      let findings = try Tour.run(chapter, on: self.backend)
      return Result(chapter: number, title: chapter.title, backend: backend, numbers: findings)
    }
    try Output.say(number == nil ? JSONText.make(results) : JSONText.make(results[0]))
  }
}
