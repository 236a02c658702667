import Glibc
import Gyre

/// A copy of this process. `fork(2)`
///
/// Only for a process of one thread: in the copy of another, locks that other threads held would never be released. So
/// chapters do not fork; they start the program again, and that forks before anything else.
struct ForkedProcess {
  let pid: pid_t
  private let toChild: Int32
  private let toParent: Int32

  private typealias Function = @convention(c) () -> pid_t

  /// Forks; the copy answers questions by `answer` until the parent has no more of them.
  ///
  /// - Parameter answer: called in the copy, for each question.
  init(_ answer: (UInt8) -> [Int]) throws {
    guard ProcStatus.read().threads == 1 else { throw TourError("a process of several threads cannot be forked") }
    // Swift hides the function, for the reason above.
    guard let function = dlsym(nil, "fork") else { throw TourError("there is no fork(2)") }
    var (questions, answers): ([Int32], [Int32]) = ([0, 0], [0, 0])
    guard pipe(&questions) == 0, pipe(&answers) == 0 else { throw TourError("no pipe: \(Errno(rawValue: errno))") }
    let pid = unsafeBitCast(function, to: Function.self)()
    guard pid >= 0 else { throw TourError("no fork: \(Errno(rawValue: errno))") }
    if pid == 0 {
      close(questions[1])
      ForkedProcess.serve(questions[0], answers[1], answer)
    }
    close(questions[0])
    close(answers[1])
    (self.pid, toChild, toParent) = (pid, questions[1], answers[0])
  }

  /// What the copy answers.
  func ask(_ question: UInt8) throws -> [Int] {
    guard write(toChild, [question], 1) == 1 else { throw TourError("the forked process has gone") }
    var answer = [Int](repeating: 0, count: 8)
    let count = read(toParent, &answer, answer.count * MemoryLayout<Int>.size)
    guard count > 0 else { throw TourError("the forked process does not answer") }
    return Array(answer.prefix(count / MemoryLayout<Int>.size))
  }

  /// Ends the copy and waits for its end.
  func end() {
    close(toChild)
    close(toParent)
    waitpid(pid, nil, 0)
  }

  private static func serve(_ questions: Int32, _ answers: Int32, _ answer: (UInt8) -> [Int]) -> Never {
    var question: UInt8 = 0
    while read(questions, &question, 1) == 1 {
      let numbers = answer(question)
      _ = write(answers, numbers, numbers.count * MemoryLayout<Int>.size)
    }
    _exit(0)
  }
}
