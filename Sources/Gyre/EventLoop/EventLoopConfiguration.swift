import Logging

extension EventLoop {
  /// How a loop is made. The defaults suit a server of thousands of connections.
  public struct Configuration: Sendable {
    /// Which backend does the I/O. Default: io_uring where the kernel allows it, otherwise epoll.
    public var backend = BackendChoice.automatic

    /// The name of the loop's thread, as `top -H` shows it; the kernel keeps 15 bytes. Default: `gyre`.
    public var name = "gyre"

    /// The core that the loop's thread stays on; `nil` leaves that to the kernel. Default: `nil`.
    ///
    /// A core that the process may not use is a `ConfigurationError`. `EventLoop.run` pins the calling thread, which stays
    /// pinned. `sched_setaffinity(2)`
    public var core: Int?

    /// Buffers that the loop receives into, a power of two of at most 32,768. Default: 8,192.
    ///
    /// They bound the received bytes that wait in user space over all connections. Their memory is mapped, and used only
    /// as far as it is needed: a loop whose tasks keep up stays within the first 64. When none is free, receiving
    /// pauses and goes on as chunks are released.
    public var bufferCount = 8192

    /// Bytes in each of these buffers, so the longest chunk that `receive()` returns. Default: 16,384.
    public var bufferSize = 16384

    /// Buffers that one connection may hold, read or unread, before its receiving pauses. Default: 8; one while more than
    /// three quarters of all buffers are held.
    ///
    /// What the kernel has under way when that happens still arrives: up to as many again, and for a stream that fills its
    /// buffers up to four times as many. On kernels that cannot limit a multishot receive (before Linux 6.18) it is up to 33
    /// buffers the first time that a connection's peer outruns its reader, on a loop with many busy connections what they
    /// share, at most 1,024; from then on that connection gets its share exactly, one buffer at a time.
    public var buffersPerConnection = 8

    /// Slots in the ring's own table of files; 0 accepts ordinary descriptors only. Default: 16,384.
    ///
    /// A direct descriptor spares the kernel a look-up for each operation. The process's limit of open files bounds the
    /// table. A quarter of it, and at least as many slots as the completion queue has entries (4,096), are kept free for
    /// a burst; connections beyond that get ordinary descriptors. So a limit of open files up to 4,097 leaves no room for
    /// direct ones: raise it with `ulimit -n`.
    public var directDescriptors = 16384

    /// Completions handled before tasks run again. Default: 256.
    public var completionsPerTurn = 256

    /// Jobs of tasks run before the loop looks at the kernel's queues again. Default: 128.
    public var jobsPerTurn = 128

    /// Whether the loop measures where its time goes, `EventLoop.statistics`. Default: no.
    ///
    /// Costs eight looks at the clock a turn, two a job and one each time that a task calls the loop, some 25 ns each.
    public var measuresTime = false

    /// The longest that a job may hold the loop before `onSlowJob` is told of it; `nil` for no limit. Default: `nil`.
    ///
    /// Costs two looks at the clock a job and one each time that a task calls the loop, some 25 ns each.
    public var slowJobLimit: Duration?

    /// Told of each job that took longer than `slowJobLimit`, on the loop's thread, after the job. Default: a message at
    /// warning level under the label `gyre.loop`.
    public var onSlowJob: @Sendable (SlowJob) -> Void = Configuration.warn

    /// How long the loop looks for work before it sleeps. Default: zero, it sleeps at once.
    ///
    /// A request that comes in that time does not wait for a thread to wake up. It costs the processor, which nobody else
    /// has meanwhile, and pays on a core that the loop has to itself, from 10 to 50 µs. A loop for which no work comes looks
    /// more and more rarely, down to once in 64 sleeps.
    public var spin = Duration.zero

    /// The sizes of the ring's queues.
    var ring = Ring.Size()

    /// Features of io_uring that the loop is to do without, beside those that the environment takes away.
    var without: Set<OptionalFeature> = []

    /// Puts a driver in front of the chosen one: the seam through which tests inject faults.
    var wrapDriver: @Sendable (any Driver) -> any Driver = { $0 }

    /// The defaults.
    public init() {}

    /// The defaults, with a backend.
    public init(backend: BackendChoice) { self.backend = backend }

    /// - Throws: `ConfigurationError` naming the first value that cannot be used.
    func validate() throws(ConfigurationError) {
      _ = try OptionalFeature.withheld.get()
      guard (1...32768).contains(bufferCount), bufferCount & (bufferCount - 1) == 0 else {
        throw ConfigurationError("bufferCount is \(bufferCount): use a power of two from 1 to 32768")
      }
      guard (1...(1 << 24)).contains(bufferSize) else {
        throw ConfigurationError("bufferSize is \(bufferSize): use 1 to 16777216 bytes")
      }
      guard (1...32768).contains(buffersPerConnection) else {
        throw ConfigurationError("buffersPerConnection is \(buffersPerConnection): use 1 to 32768")
      }
      guard (0...(1 << 20)).contains(directDescriptors) else {
        throw ConfigurationError("directDescriptors is \(directDescriptors): use 0 to 1048576")
      }
      guard (1...65536).contains(completionsPerTurn), (1...65536).contains(jobsPerTurn) else {
        throw ConfigurationError("completionsPerTurn and jobsPerTurn must be from 1 to 65536")
      }
      guard spin >= .zero, spin <= .milliseconds(10) else {
        throw ConfigurationError("spin is \(spin): use zero to 10 ms")
      }
      if let slowJobLimit, slowJobLimit <= .zero {
        throw ConfigurationError("slowJobLimit is \(slowJobLimit): use a limit above zero, or nil for none")
      }
    }

    /// Whether the loop may use a feature if the kernel has it.
    func allows(_ feature: OptionalFeature) -> Bool {
      let withheld = (try? OptionalFeature.withheld.get()) ?? []
      return !without.contains(feature) && !withheld.contains(feature)
    }

    func makeJobWatch() -> JobWatch? {
      guard measuresTime || slowJobLimit != nil else { return nil }
      return JobWatch(limit: slowJobLimit?.nanosecondsClamped, report: onSlowJob)
    }

    private static let log = Logger(label: "gyre.loop")

    @Sendable private static func warn(_ job: SlowJob) {
      let task = job.taskName.map { "task “\($0)”" } ?? "a task without a name"
      guard job.ranOthers else { return log.warning("\(task) held its loop for \(job.duration)") }
      log.warning(
        """
        \(task), and others that got onto the loop's thread through an actor, held the loop for \(job.duration): an actor that \
        the loop's tasks use belongs on the loop (EventLoop.serialExecutor)
        """
      )
    }
  }
}
