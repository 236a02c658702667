import Glibc
import Synchronization

/// The time as messages have it: `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110, 5.6.7
enum DateText {
  private struct Cache {
    var second = -1
    var text: [UInt8] = []
  }

  private static let cache = Mutex(Cache())

  /// The present second's, made once in it.
  static var now: [UInt8] {
    let second = time(nil)
    return cache.withLock { cache in
      if cache.second != second { cache = Cache(second: second, text: text(of: second)) }
      return cache.text
    }
  }

  static func text(of second: Int) -> [UInt8] {
    var second = second
    var parts = tm()
    gmtime_r(&second, &parts)
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(parts.tm_wday)]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let date = "\(day), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year)"
    return Array("\(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT".utf8)
  }

  private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
