@preconcurrency import Glibc
import Gyre

extension Command {
  /// Commands on the image of the keys.
  static let saveCommands = [
    Command("BGSAVE", 0...1) { store, _, reply in store.save(&reply) },
    Command("LASTSAVE", 0...0) { store, _, reply in reply.integer(store.saver.lastSave) },
  ]
}

extension Store {
  fileprivate func save(_ reply: inout Reply) {
    guard saver.childID == nil else { return reply.error("ERR Background save already in progress") }
    do {
      let child = try saver.begin(keyspace.table)
      Task(executorPreference: loop.taskExecutor) { await self.awaitSave(child) }
      reply.simple("Background saving started")
    } catch {
      reply.error("ERR \(error)")
    }
  }

  private func awaitSave(_ child: ForkedChild) async {
    do {
      saver.end(try await child.exit())
    } catch let error as ForkError {
      saver.end(failure: "how the saving process ended is unknown: \(error)")
    } catch {
      // The loop stops, and the program with it.
      return
    }
    if let failure = saver.lastOutcome?.failure { fputs("keyvalue: the keys were not saved: \(failure)\n", stderr) }
  }
}
