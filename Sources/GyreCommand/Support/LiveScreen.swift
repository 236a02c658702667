import Glibc

/// The whole terminal, painted again and again; as it was before once `leave` is called.
///
/// Frames go to the terminal's alternate screen by one `write(2)` each, over the frame before: nothing is erased first, so
/// nothing flickers. What is typed is not shown.
struct LiveScreen {
  private let settings: termios?

  /// Whether the input is a terminal too, and hands over each key.
  var readsKeys: Bool { settings != nil }

  /// Takes the terminal over.
  init() {
    settings = LiveScreen.settings()
    if let settings { LiveScreen.apply(LiveScreen.quiet(settings)) }
    LiveScreen.write("\u{1b}[?1049h\u{1b}[?25l")
  }

  /// Gives the terminal back.
  func leave() {
    LiveScreen.write("\u{1b}[?25h\u{1b}[?1049l")
    if let settings { LiveScreen.apply(settings) }
  }

  /// The input's settings; `nil` if it is no terminal. `termios(3)`
  private static func settings() -> termios? {
    var settings = termios()
    return isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &settings) == 0 ? settings : nil
  }

  /// The same, but each key is handed over at once and not shown. Ctrl-Z, which would leave the shell with this screen, is
  /// a key like any other.
  private static func quiet(_ settings: termios) -> termios {
    var settings = settings
    settings.c_lflag &= ~tcflag_t(ECHO | ICANON)
    withUnsafeMutableBytes(of: &settings.c_cc) { $0[Int(VSUSP)] = 0 }
    return settings
  }

  private static func apply(_ settings: termios) {
    var settings = settings
    tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }

  /// The columns and lines there are now. `TIOCGWINSZ`, `ioctl_tty(2)`
  var size: (columns: Int, lines: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Shows `lines`, as much of them as there is room for.
  func paint(_ lines: [String]) {
    let (columns, height) = size
    let visible = lines.prefix(height).map { TextStyle.clip($0, to: columns) + "\u{1b}[K" }
    // Terminals that know the first and the last of these show the frame at once; others ignore them.
    LiveScreen.write("\u{1b}[?2026h\u{1b}[H" + visible.joined(separator: "\r\n") + "\u{1b}[J\u{1b}[?2026l")
  }

  /// A frame that a terminal does not take is lost; the next one says it again.
  private static func write(_ text: String) { _ = Output.write(text, to: STDOUT_FILENO) }
}
