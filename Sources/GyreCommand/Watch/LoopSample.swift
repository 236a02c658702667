import FoundationEssentials
import Glibc
import Gyre

/// What waits in a loop of a Gyre process, as the process itself says.
struct LoopSample: Codable, Equatable {
  let backend: Backend
  /// By the names of `LoopQueues`; a null is what the backend does not have.
  let queues: [String: Int?]

  /// Asks the process behind an inspection socket.
  ///
  /// - Throws: `WatchError` if it does not answer.
  static func read(from path: String) throws -> [LoopSample] {
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(try InspectionSocket.read(from: path))).loops
    } catch let error as Errno where error.rawValue != EMSGSIZE {
      throw WatchError.noAnswer(path, "\(error)")
    } catch {
      // What is said there is too long, or no answer of this kind.
      throw WatchError.noAnswer(path, "what listens there is no Gyre program")
    }
  }

  private struct Answer: Codable {
    let loops: [LoopSample]
  }
}
