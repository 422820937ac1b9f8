import Glibc
import LinuxSystem

/// The terminal this program runs in.
struct Terminal {
    let descriptor: CInt
    private let before: termios

    /// Takes the terminal's line editing and signals away, until `restore()`.
    init(raw descriptor: CInt) throws(SystemError) {
        self.descriptor = descriptor
        var settings = termios()
        try check(tcgetattr(descriptor, &settings), "read the terminal's settings")
        before = settings
        cfmakeraw(&settings)
        try check(tcsetattr(descriptor, TCSANOW, &settings), "set the terminal to raw mode")
    }

    /// Typed letters are not shown, until `restore()`.
    init(hiding descriptor: CInt) throws(SystemError) {
        self.descriptor = descriptor
        var settings = termios()
        try check(tcgetattr(descriptor, &settings), "read the terminal's settings")
        before = settings
        settings.c_lflag &= ~tcflag_t(ECHO)
        try check(tcsetattr(descriptor, TCSANOW, &settings), "hide what is typed")
    }

    func restore() {
        var settings = before
        tcsetattr(descriptor, TCSANOW, &settings)
    }

    /// Rows and columns; `nil` for what is no terminal.
    static func size(_ descriptor: CInt = 1) -> (rows: Int, columns: Int)? {
        var size = winsize()
        guard Console.isTerminal(descriptor), ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }
}
