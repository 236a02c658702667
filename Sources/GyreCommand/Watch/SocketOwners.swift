import Glibc

/// Which processes have which sockets open, as far as this user may know. `proc_pid_fd(5)`
struct SocketOwners {
  /// A process.
  struct Process: Encodable, Hashable {
    let pid: Int32
    /// Its command's name, at most 15 bytes.
    let name: String
  }

  private var owners: [UInt32: [Process]] = [:]

  /// Looks at every process of the host: costs some milliseconds.
  static func ofAllProcesses() -> SocketOwners {
    var owners = SocketOwners()
    for process in entries(of: "/proc").compactMap({ Int32($0) }).sorted() { owners.add(process) }
    return owners
  }

  /// Those of one process; `nil` if it cannot be looked into, with the reason in `errno`.
  static func of(_ process: Int32) -> SocketOwners? {
    var owners = SocketOwners()
    return owners.add(process) ? owners : nil
  }

  /// The name of a process; `nil` if there is none of that number.
  static func name(of process: Int32) -> String? {
    ProcStatus.contents(of: "/proc/\(process)/comm").map { String($0.prefix { $0 != "\n" }) }
  }

  /// The processes that have a socket, by its inode, in ascending order.
  func processes(of inode: UInt32) -> [Process] { owners[inode] ?? [] }

  @discardableResult
  private mutating func add(_ process: Int32) -> Bool {
    let directory = "/proc/\(process)/fd"
    guard let name = SocketOwners.name(of: process), let descriptors = SocketOwners.directory(directory) else {
      return false
    }
    let owner = Process(pid: process, name: name)
    for inode in Set(descriptors.compactMap({ SocketOwners.inode(of: "\(directory)/\($0)") })) {
      owners[inode, default: []].append(owner)
    }
    return true
  }

  /// This process's descriptor of a socket; `nil` if it has none.
  static func ownDescriptor(of inode: UInt32) -> Int32? {
    entries(of: "/proc/self/fd").first { SocketOwners.inode(of: "/proc/self/fd/\($0)") == inode }.flatMap { Int32($0) }
  }

  /// The inode of a socket's descriptor; `nil` for a descriptor of something else.
  private static func inode(of path: String) -> UInt32? {
    var target = [CChar](repeating: 0, count: 64)
    let count = readlink(path, &target, target.count)
    let text = String(decoding: target.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
    return UInt32(text.dropFirst(8).dropLast())
  }

  private static func entries(of path: String) -> [String] { directory(path) ?? [] }

  private static func directory(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      // The entry is the directory's until the next call; its name ends with a NUL.
      names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }
}
