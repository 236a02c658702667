import Foundation
import Testing

@testable import Gyre
@testable import GyreCommand

@Suite struct CommandDoctorTests {
  private static let keys: Set = [
    "backend", "chosenBy", "reason", "ioUringError", "ring", "features", "limits", "problems",
  ]
  private static let limitKeys: Set = [
    "kernel", "processors", "openFiles", "openFilesHard", "lockedMemory", "canLockAnyMemory", "somaxconn",
    "maxSynBacklog", "synCookies", "ioUringDisabled", "isFiltered",
  ]

  @Test func jsonHasTheBackendAndEveryKey() async throws {
    let doctor = try await CommandProgram.run("doctor", "--json")
    #expect(doctor.status == 0)
    #expect(doctor.errors == "")
    let object = try doctor.object()
    #expect(Set(object.keys) == CommandDoctorTests.keys)
    #expect(Set((object["limits"] as? [String: Any] ?? [:]).keys) == CommandDoctorTests.limitKeys)
    #expect(object["backend"] as? String == Backends.available[0].rawValue)
    #expect(object["chosenBy"] as? String == "automatic")
  }

  @Test(.needsIOUring)
  func everyFeatureHasItsUse() async throws {
    let object = try await CommandProgram.run("doctor", "--json").object()
    let features = try #require(object["features"] as? [[String: Any]])
    #expect(features.count == (try RingFeatures.probe().get().rows.count))
    #expect(features.allSatisfy { $0["available"] is Bool && ($0["use"] as? String)?.isEmpty == false })
    #expect((object["ring"] as? [String: Int])?["completions"] ?? 0 > 0)
    #expect(object["ioUringError"] is NSNull)
  }

  @Test(arguments: ["EPERM", "ENOSYS", "EACCES", "ENOMEM"])
  func whereIOUringIsDeniedTheReasonIsTheError(error: String) async throws {
    let doctor = try await CommandProgram.run("doctor", "--json", denied: error)
    #expect(doctor.status == 0)
    #expect(doctor.errors == "")
    let object = try doctor.object()
    #expect(Set(object.keys) == CommandDoctorTests.keys)
    #expect(object["backend"] as? String == "epoll")
    #expect(object["ioUringError"] as? String == error)
    #expect((object["reason"] as? String)?.contains(error) == true)
    let problems = try #require(object["problems"] as? [[String: String]])
    #expect(problems[0]["what"]?.contains(error) == true)
    #expect(problems[0]["advice"]?.isEmpty == false)
  }

  @Test func aSeccompFilterIsNamedAsTheCause() async throws {
    let doctor = try await CommandProgram.run("doctor", denied: "EPERM")
    #expect(doctor.output.hasPrefix("backend: epoll\n"))
    #expect(doctor.output.contains("A seccomp filter is on this process"))
  }

  @Test func theEnvironmentDecides() async throws {
    let object = try await CommandProgram.run("doctor", "--json", environment: ["GYRE_BACKEND": "epoll"]).object()
    #expect(object["backend"] as? String == "epoll")
    #expect(object["chosenBy"] as? String == "environment")
    #expect(object["reason"] as? String == "the environment has GYRE_BACKEND=epoll")
  }

  @Test func anImpossibleBackendIsAFailure() async throws {
    let environment = ["GYRE_BACKEND": "uring"]
    let doctor = try await CommandProgram.run("doctor", "--json", denied: "EPERM", environment: environment)
    #expect(doctor.status == 1)
    let object = try doctor.object()
    #expect(object["backend"] is NSNull)
    #expect((object["reason"] as? String)?.contains("EPERM") == true)
    let wrong = try await CommandProgram.run("doctor", environment: ["GYRE_BACKEND": "kqueue"])
    #expect(wrong.status == 1)
    #expect(wrong.output.hasPrefix("backend: none\n"))
    #expect(wrong.output.contains("kqueue"))
    let unknown = try await CommandProgram.run("doctor", environment: ["GYRE_WITHOUT": "luck"])
    #expect(unknown.status == 1)
    #expect(unknown.output.contains("luck"))
  }

  @Test func everyLimitThatIsLowIsAProblemWithAnAdvice() {
    var limits = SystemLimits()
    limits.openFiles = 1024
    limits.openFilesHard = 1_048_576
    limits.lockedMemory = 65_536
    limits.somaxconn = 128
    limits.maxSynBacklog = 128
    limits.synCookies = 0
    var report = BackendReport(EventLoop.Configuration(backend: .epoll))
    // Not for whoever is root.
    report.locksMemory = true
    let problems = Diagnosis(report: report, limits: limits).problems
    let advice = problems.map(\.advice).joined()
    #expect(advice.contains("ulimit -n 65536"))
    #expect(advice.contains("net.core.somaxconn=4096"))
    #expect(advice.contains("net.ipv4.tcp_syncookies=1"))
    #expect(advice.contains("ulimit -l") == Backends.available.contains(.uring))
    // Kernels whose rings lock nothing.
    report.locksMemory = false
    let others = Diagnosis(report: report, limits: limits).problems
    #expect(!others.map(\.advice).joined().contains("ulimit -l"))
  }

  @Test func aHardLimitIsRaisedElsewhere() {
    let problems = Diagnosis(report: BackendReport(), limits: SystemLimits(openFiles: 1024, openFilesHard: 4096))
      .problems
    #expect(problems.contains { $0.advice.contains("LimitNOFILE=") })
  }

  @Test func theProcessStatusIsRead() {
    let status = ProcStatus(text: "Name:\tgyre\nCapEff:\t0000000000004000\nSeccomp:\t2\nSeccomp_filters:\t1\n")
    #expect(status.hasCapability(14))
    #expect(!status.hasCapability(13))
    #expect(status.isFiltered)
    #expect(!ProcStatus(text: "").isFiltered)
  }
}
