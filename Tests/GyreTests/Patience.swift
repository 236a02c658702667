import Glibc

/// How long tests wait for what has to happen before they call it a failure.
///
/// Every deadline of a test is made here, so that one variable of the environment moves them all: `GYRE_PATIENCE` is a factor
/// for slow machines, emulation and sanitizers (`scripts/test --sanitize` sets one). Times that a test is *about* do not
/// come from here.
enum Patience {
  static let factor: Double = {
    guard let text = getenv("GYRE_PATIENCE").map({ String(cString: $0) }) else { return 1 }
    guard let factor = Double(text), factor > 0, factor <= 1000 else {
      fatalError("GYRE_PATIENCE is “\(text)”: use a factor between 0 and 1000, as in 2.5")
    }
    return factor
  }()

  static func seconds(_ seconds: Double) -> Duration { .seconds(seconds * factor) }

  /// Milliseconds, as poll(2) wants them.
  static func pollTimeout(seconds: Double) -> Int32 { Int32(seconds * factor * 1000) }

  /// Waits until `condition` holds, and looks every few milliseconds. False if patience ended first.
  static func until(seconds: Double = 10, _ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now + Patience.seconds(seconds)
    while ContinuousClock.now < end {
      if try await condition() { return true }
      // A cancelled task sleeps no more, and need not wait for the end.
      do { try await Task.sleep(for: .milliseconds(2)) } catch { break }
    }
    return try await condition()
  }

  /// The same, and blocks its thread.
  static func blocking(seconds: Double = 10, until condition: () -> Bool) -> Bool {
    let end = ContinuousClock.now + Patience.seconds(seconds)
    while ContinuousClock.now < end {
      if condition() { return true }
      usleep(2000)
    }
    return condition()
  }
}
