import Gyre

extension Diagnosis {
  /// Open files that a server of some size wants.
  private static let fewOpenFiles: UInt64 = 65536
  /// The default backlog of a listener.
  private static let backlog = TCPListener.Options().backlog
  private static let fewHalfOpen = 1024

  /// What is in a server's way here, the worst first.
  var problems: [Problem] {
    [noBackend, noRing, missingFeatures, openFiles, lockedMemory, acceptQueue, synQueue].compactMap(\.self)
  }

  private var noBackend: Problem? {
    guard case .failure(let error) = report.decision else { return nil }
    let advice =
      report.origin == .environment
      ? "Unset GYRE_BACKEND, or set it to auto."
      : "Give this process more open files and memory: `ulimit -n`, `ulimit -l`."
    return Problem(what: "No event loop can be made: \(error)", advice: advice)
  }

  /// There is no io_uring. The errno has several causes; what else is known here tells them apart.
  private var noRing: Problem? {
    guard let refusal = report.refusal else { return nil }
    let effect = backend == .epoll ? " Loops run on epoll, which costs more for each request." : ""
    return Problem(
      what: "There is no io_uring for this process: \(refusal.errno).\(effect)",
      advice: advice(on: refusal)
    )
  }

  private func advice(on refusal: BackendError) -> String {
    switch refusal.errno {
    case .notPermitted where (limits.ioUringDisabled ?? 0) > 0:
      "The sysctl kernel.io_uring_disabled is \(limits.ioUringDisabled ?? 0): `sysctl -w kernel.io_uring_disabled=0`, "
        + "and a file in /etc/sysctl.d to keep it."
    case .notPermitted where limits.isFiltered, .noFunction where limits.isFiltered:
      "A seccomp filter is on this process: allow io_uring_setup, io_uring_enter and io_uring_register in it. In Docker "
        + "that is `--security-opt seccomp=PROFILE.json`; in systemd, SystemCallFilter=@aio."
    default: refusal.advice
    }
  }

  private var missingFeatures: Problem? {
    // A probe that is short of memory to lock takes for missing what is not.
    guard lockedMemory == nil else { return nil }
    let missing = report.features.filter { !$0.available }.map(\.name)
    guard !missing.isEmpty else { return nil }
    return Problem(
      what: "The kernel lacks \(missing.joined(separator: ", ")); the table says what for.",
      advice: report.ring == nil
        ? "A newer kernel has them." : "Nothing need be done, Gyre manages without; a newer kernel has them."
    )
  }

  private var openFiles: Problem? {
    guard let soft = limits.openFiles, soft < Diagnosis.fewOpenFiles else { return nil }
    let wanted = Diagnosis.fewOpenFiles
    let canRaise = limits.openFilesHard.map { $0 >= wanted } ?? true
    return Problem(
      what: "At most \(soft) files may be open, and every connection is one.",
      advice: canRaise
        ? "`ulimit -n \(wanted)` before the server starts."
        : "Raise the hard limit to \(wanted): LimitNOFILE= in a systemd unit, `--ulimit nofile=\(wanted)` in Docker, "
          + "a nofile line in /etc/security/limits.conf elsewhere."
    )
  }

  private var lockedMemory: Problem? {
    guard report.ring != nil || report.refusal?.errno == .noMemory else { return nil }
    guard let fit = loopsThatFit, fit < max(limits.processors, 2) else { return nil }
    let wanted = report.lockedBytesPerLoop * max(limits.processors, 2) * 4 / 1024
    return Problem(
      what:
        "\(fit == 0 ? "Not one loop's ring fits" : "The rings of only about \(fit) loops fit") into the memory that may "
        + "be locked, which all processes of a user share.",
      advice: "`ulimit -l \(wanted)` or more before the server starts; LimitMEMLOCK= in a systemd unit, "
        + "`--ulimit memlock=\(wanted * 1024)` in Docker."
    )
  }

  private var acceptQueue: Problem? {
    guard let limit = limits.somaxconn, limit < Diagnosis.backlog else { return nil }
    return Problem(
      what: "A listener's accept queue holds at most \(limit) connections: a burst of more has to try again.",
      advice: "`sysctl -w net.core.somaxconn=\(Diagnosis.backlog)`, and a file in /etc/sysctl.d to keep it."
    )
  }

  private var synQueue: Problem? {
    guard let limit = limits.maxSynBacklog, limit < Diagnosis.fewHalfOpen, limits.synCookies == 0 else { return nil }
    return Problem(
      what: "SYN cookies are off and at most \(limit) connections may be half open.",
      advice: "`sysctl -w net.ipv4.tcp_syncookies=1`, or `sysctl -w net.ipv4.tcp_max_syn_backlog=4096`."
    )
  }
}
