import Glibc
import Gyre

extension Store {
  /// What `INFO` shows: all sections, or those named. The names are Redis's where it has one for the same thing.
  func information(_ wanted: [String]) -> String {
    let isAll = wanted.isEmpty || wanted.contains { ["all", "default", "everything"].contains($0) }
    let shown = sections.filter { isAll || wanted.contains($0.name.lowercased()) }
    return shown.map { section in
      "# \(section.name)\r\n" + section.values.map { "\($0):\($1)\r\n" }.joined()
    }.joined(separator: "\r\n")
  }

  private typealias Section = (name: String, values: [(String, any CustomStringConvertible)])

  private var sections: [Section] {
    [server, ("Clients", [("connected_clients", connectionCount)]), memory, persistence, statistics, keys]
  }

  private var server: Section {
    let uptime = (ContinuousClock.now - started).components.seconds
    return ("Server", [("process_id", getpid()), ("multiplexing_api", loop.backend), ("uptime_in_seconds", uptime)])
  }

  private var memory: Section {
    (
      "Memory",
      [
        ("used_memory", keyspace.table.memory),
        ("used_memory_rss", ResidentMemory.bytes ?? 0),
      ]
    )
  }

  private var persistence: Section {
    let last = saver.lastOutcome
    return (
      "Persistence",
      [
        ("rdb_bgsave_in_progress", saver.childID == nil ? 0 : 1),
        ("rdb_child_pid", saver.childID ?? -1),
        ("rdb_current_bgsave_time_sec", saver.elapsed?.components.seconds ?? -1),
        ("current_cow_size", saver.copiedSoFar * 1024),
        ("rdb_last_save_time", saver.lastSave),
        ("rdb_last_bgsave_status", last?.failure == nil ? "ok" : "err"),
        ("rdb_last_bgsave_error", last?.failure ?? ""),
        ("rdb_last_bgsave_time_sec", last?.duration.components.seconds ?? -1),
        ("rdb_last_bgsave_time_ms", last?.duration.milliseconds ?? -1),
        ("rdb_last_image_size", last?.content.imageSize ?? 0),
        ("rdb_last_cow_size", Store.growth(last?.content.childBefore, last?.content.childAfter)),
        ("rdb_last_cow_size_parent", Store.growth(last?.content.parentBefore, last?.content.parentAfter)),
        ("latest_fork_usec", saver.lastForkDuration.components.attoseconds / 1_000_000_000_000),
      ]
    )
  }

  private var statistics: Section {
    (
      "Stats",
      [
        ("total_connections_received", connectionsReceived),
        ("total_commands_processed", requestCount),
        ("expired_keys", keyspace.endedCount),
      ]
    )
  }

  private var keys: Section {
    let table = keyspace.table
    return ("Keyspace", table.count == 0 ? [] : [("db0", "keys=\(table.count),expires=\(table.expiringCount)")])
  }

  /// Bytes that became private between two counts in KiB; -1 if the kernel did not tell.
  private static func growth(_ before: Int?, _ after: Int?) -> Int {
    guard let before, let after, before >= 0, after >= 0 else { return -1 }
    return max(after - before, 0) * 1024
  }
}

extension Duration {
  fileprivate var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
