import Foundation
import Testing

@testable import Gyre

/// How many loops a group has that is not told: control groups as a container has them, in a file system of the test's own.
struct ProcessorQuotaTests {
  private func quota(groups: String, _ files: [String: String]) throws -> Int? {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("gyre-quota-\(UUID())")
    defer { try? FileManager.default.removeItem(at: root) }
    let all = files.map { ("sys/fs/cgroup/" + $0, $1) } + [("proc/self/cgroup", groups)]
    for (path, text) in all {
      let file = root.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    return ProcessorQuota.processors(root: root.path)
  }

  @Test func theQuotaOfAContainerIsRoundedUp() throws {
    for (text, processors) in [
      ("50000 100000", 1), ("100000 100000", 1), ("150000 100000", 2), ("400000 100000", 4), ("1 1000000", 1),
    ] {
      #expect(try quota(groups: "0::/\n", ["cpu.max": text + "\n"]) == processors, "\(text)")
    }
  }

  @Test func theSmallestQuotaOnTheWayToTheRootCounts() throws {
    let files = ["a/cpu.max": "200000 100000\n", "a/b/cpu.max": "max 100000\n", "a/b/c/cpu.max": "800000 100000\n"]
    #expect(try quota(groups: "0::/a/b/c\n", files) == 2)
    #expect(try quota(groups: "0::/a/b\n", files) == 2)
    #expect(try quota(groups: "0::/\n", files) == nil)
  }

  @Test func version1HasAFileForEachNumber() throws {
    let files = [
      "cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
      "cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    ]
    let groups = "9:name=systemd:/a\n3:cpuset:/a\n2:cpu,cpuacct:/a\n0::/\n"
    #expect(try quota(groups: groups, files) == 3)
    // In a container the group's path is the host's, and its own files are the root's.
    #expect(
      try quota(
        groups: "1:cpu:/docker/0123\n",
        ["cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"]
      ) == 1
    )
  }

  @Test func whatIsNoNumberIsNoQuota() throws {
    let wrong = [
      "", "max 100000", "max", "-5 100000", "0 100000", "100000 0", "x y", "99999999999999999999 1", "1 2 3",
    ]
    for text in wrong { #expect(try quota(groups: "0::/\n", ["cpu.max": text]) == nil, "\(text)") }
    #expect(try quota(groups: "0::/../..\n", ["cpu.max": "150000 100000"]) == 2)
    #expect(try quota(groups: "nonsense\n\n::\n", [:]) == nil)
    #expect(try quota(groups: "0::/\n", ["cpu.max": "\(Int.max) 1"]) == Int.max)
  }

  @Test func aGroupHasNoMoreLoopsThanCoresAndQuotaAllow() {
    #expect(EventLoopGroup.loopCount(cores: 8, quota: nil) == 8)
    #expect(EventLoopGroup.loopCount(cores: 8, quota: 3) == 3)
    #expect(EventLoopGroup.loopCount(cores: 2, quota: 3) == 2)
    #expect(EventLoopGroup.loopCount(cores: 0, quota: 3) == 1)
    #expect(EventLoopGroup.loopCount(cores: 5000, quota: nil) == EventLoopGroup.mostLoops)
    #expect((1...max(EventLoopGroup.availableCores.count, 1)).contains(EventLoopGroup.defaultLoopCount))
  }
}
