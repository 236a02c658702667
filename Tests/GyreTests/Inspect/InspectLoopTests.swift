import Testing

@testable import Gyre

/// What waits in a loop, seen from within and from outside.
@Suite(.serialized)
struct InspectLoopTests {
  @Test(arguments: Backends.available)
  func whatTasksAwaitIsCounted(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let idle = try await loop.queues
      #expect(idle.multishots == 0 && idle.timers == 0 && idle.jobsReady == 0 && idle.buffersHeld == 0)
      #expect(idle.buffersFree == loop.configuration.bufferCount)
      #expect((idle.submissionQueueSize != nil) == (backend == .uring))
      try await Pair.with(loop) { pair in
        let sleeping = (0..<3).map { _ in start(on: loop) { try await loop.sleep(for: .seconds(1000)) } }
        let server = pair.server
        let receiving = start(on: loop) { try await server.receive()?.count }
        #expect(try await loop.queues.jobsReady == 4)
        try await eventually("the accept and the receive are in the kernel") {
          let queues = loop.currentQueues
          return queues.multishots == 2 && queues.inKernel == 2 && queues.prepared == 0 && queues.timers >= 3
        }
        try await pair.client.send("?")
        #expect(try await receiving.value == 1)
        for task in sleeping { task.cancel() }
        for task in sleeping { _ = await task.result }
        #expect(try await loop.queues.timers == 0)
      }
    }
  }

  @Test(arguments: Backends.available)
  func aTurnsOperationsArePreparedUntilItsEnd(_ backend: Backend) async throws {
    try await withLoop(backend, configure: { $0.jobsPerTurn = 128 }) { loop in
      try await Pair.with(loop) { pair in
        try await eventually("nothing under way") { loop.currentQueues.prepared == 0 }
        let server = pair.server
        let receiving = start(on: loop) { try await server.receive()?.count }
        await Task.yield()
        let queues = try await loop.queues
        #expect(queues.prepared == (backend == .uring ? 1 : 0))
        #expect(queues.inKernel == (backend == .uring ? 1 : 2), "the accept; under epoll the receive waits already")
        try await pair.client.send("?")
        #expect(try await receiving.value == 1)
      }
    }
  }

  @Test(arguments: Backends.available)
  func completionsThatWaitForTheirTurnAreCounted(_ backend: Backend) async throws {
    try await withLoop(backend, configure: { $0.completionsPerTurn = 1 }) { loop in
      try await Pair.with(loop) { first in
        try await Pair.with(loop) { second in
          let sending = [first.client, second.client].map { client in
            start(on: loop) { for _ in 0..<100 { try await client.send("?") } }
          }
          var most = 0
          for _ in 0..<100 {
            most = max(most, loop.currentQueues.completed)
            await Task.yield()
          }
          for task in sending { try await task.value }
          #expect(most > 0)
        }
      }
    }
  }

  @Test(arguments: Backends.available)
  func heldChunksHoldBuffers(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      try await Pair.with(loop) { pair in
        try await pair.client.send("?")
        let chunk = try await pair.server.receive()
        let queues = try await loop.queues
        #expect(queues.buffersHeld == 1 && queues.buffersFree == loop.configuration.bufferCount - 1)
        _ = chunk?.count
      }
      #expect(try await loop.queues.buffersHeld == 0)
    }
  }

  @Test(arguments: Backends.available)
  func anyTaskMayAskUntilTheLoopHasEnded(_ backend: Backend) async throws {
    try await withLoop(backend) { loop in
      let timers = try await Task.detached { try await loop.queues.timers }.value
      #expect(timers == 0)
    }
    let loop = try EventLoop.start(EventLoop.Configuration(backend: backend.choice))
    await loop.shutdown()
    await #expect(throws: CancellationError.self) { _ = try await loop.queues }
  }
}
