/// The share of the processors that the control groups of this process allow, as `docker --cpus` and Kubernetes set it.
/// `cgroups(7)`
enum ProcessorQuota {
  /// Processors that the quota amounts to, rounded up; `nil` without one. A group's quota binds all groups below it, so the
  /// smallest one on the way to the root counts.
  ///
  /// - Parameter root: where `/proc` and `/sys` are.
  static func processors(root: String = "") -> Int? {
    let groups = lines(of: root + "/proc/self/cgroup").flatMap { directories(of: $0) }
    return groups.compactMap { quota(in: root + "/sys/fs/cgroup/" + $0) }.min()
  }

  /// The directories below `/sys/fs/cgroup` of one hierarchy's group and of those that it is in. A line is
  /// `NUMBER:CONTROLLERS:PATH`; version 2 has no controllers there.
  private static func directories(of line: Substring) -> [String] {
    let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3 else { return [] }
    let controllers = fields[1].split(separator: ",")
    let mounts: [String]
    if controllers.isEmpty {
      mounts = ["", "unified"]
    } else if controllers.contains("cpu") {
      mounts = ["cpu", String(fields[1])]
    } else {
      return []
    }
    return mounts.flatMap { mount in levels(of: fields[2]).map { mount + $0 } }
  }

  /// A path and all that it is in. Outside of the namespace, from where `..` comes, nothing can be seen.
  private static func levels(of path: Substring) -> [String] {
    let parts = path.split(separator: "/")
    guard !parts.contains("..") else { return [""] }
    return (0...parts.count).map { parts.prefix($0).map { "/" + $0 }.joined() }
  }

  private static func quota(in directory: String) -> Int? {
    // Version 2: `QUOTA PERIOD`, the quota being `max` if there is none. Version 1: a file each, -1 being none.
    if let line = lines(of: directory + "/cpu.max").first {
      let fields = line.split(separator: " ")
      return fields.count == 2 ? processors(fields[0], fields[1]) : nil
    }
    guard let quota = lines(of: directory + "/cpu.cfs_quota_us").first,
      let period = lines(of: directory + "/cpu.cfs_period_us").first
    else { return nil }
    return processors(quota, period)
  }

  private static func processors(_ quota: Substring, _ period: Substring) -> Int? {
    guard let quota = Int(quota), let period = Int(period), quota > 0, period > 0 else { return nil }
    return (quota - 1) / period + 1
  }

  /// A file's lines; none if it cannot be read.
  private static func lines(of path: String) -> [Substring] {
    guard let bytes = try? ProcFile.bytes(of: path) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }
}
