import Glibc

@testable import Gyre

/// How often which faults are injected.
struct FaultPlan: Sendable {
  var seed: UInt64
  /// Of a thousand operations, how many get a fault.
  var perMille = 100
  /// The same for accepts, of which there are few: one serves many connections.
  var perMilleOfAccepts = 600
  /// The faults that an operation of a role can get.
  var faults: [OperationRole: [Fault]]

  /// Faults after which every byte and every connection still arrives: what the kernel does on a busy machine.
  static func harmless(seed: UInt64) -> FaultPlan {
    let errors = { (numbers: [Int32]) in numbers.map { Fault.error(Errno(rawValue: $0)) } }
    return FaultPlan(
      seed: seed,
      faults: [
        .accept: errors([
          EINTR, EAGAIN, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO, EOPNOTSUPP, ENOPROTOOPT, ENONET,
          ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH,
        ]) + [.late],
        .receive: errors([EINTR, EAGAIN, ENOBUFS]) + [.late],
        .receiveInto: errors([EINTR, EAGAIN]) + [.short, .late],
        .send: errors([EINTR, EAGAIN]) + [.short, .late],
        .connect: errors([EINTR, EAGAIN]) + [.late],
        .install: [.late],
        .close: [.late],
      ]
    )
  }

  /// Faults that end connections.
  static func harmful(seed: UInt64) -> FaultPlan {
    let errors = { (numbers: [Int32]) in numbers.map { Fault.error(Errno(rawValue: $0)) } }
    return FaultPlan(
      seed: seed,
      perMille: 20,
      faults: [
        .receive: errors([ECONNRESET, ETIMEDOUT, ENOMEM]),
        .receiveInto: errors([ECONNRESET, ETIMEDOUT, ENOMEM]),
        .send: errors([EPIPE, ECONNRESET, ENOBUFS, ENOMEM]),
        .connect: errors([ECONNREFUSED, ETIMEDOUT, ENETUNREACH]),
        .install: errors([EMFILE, ENOMEM]),
      ]
    )
  }
}
