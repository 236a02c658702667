import ArgumentParser
import Glibc

/// What a program can do about the ends of children, or inherit from whoever started it. `waitpid(2)`, `sigaction(2)`
enum ChildHandling: String, ExpressibleByArgument {
  case usual
  /// SIGCHLD is ignored: the kernel forgets ended children.
  case ignored
  /// SIGCHLD is handled, and the kernel forgets ended children.
  case forgotten
  /// A thread takes every child's status.
  case reaped

  func apply() {
    switch self {
    case .usual: break
    case .ignored: signal(SIGCHLD, SIG_IGN)
    case .forgotten:
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in }
      action.sa_flags = SA_NOCLDWAIT | SA_RESTART
      sigaction(SIGCHLD, &action, nil)
    case .reaped: reapEveryChild()
    }
  }

  private func reapEveryChild() {
    var thread = pthread_t()
    let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
      while true {
        if waitpid(-1, nil, 0) < 0 { usleep(1000) }
      }
    }
    precondition(pthread_create(&thread, nil, body, nil) == 0, "no thread to reap children")
    pthread_detach(thread)
  }
}
