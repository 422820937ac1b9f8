import Faults
import Glibc

/// Signals by the names that clients use.
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "BUS": SIGBUS,
        "FPE": SIGFPE, "KILL": SIGKILL, "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2, "PIPE": SIGPIPE,
        "ALRM": SIGALRM, "TERM": SIGTERM, "STKFLT": 16, "CHLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP,
        "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
        "VTALRM": SIGVTALRM, "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "PWR": SIGPWR, "SYS": SIGSYS,
        "RTMIN": 34, "RTMIN+3": 37, "RTMAX": 64,
    ]

    /// `SIGTERM`, `term`, `15`.
    /// - Throws: `.invalidInput` with `Invalid signal: X`.
    static func parse(_ text: String) throws -> Int32 {
        if let number = Int32(text) {
            guard (1...64).contains(number) else { throw Refusal(.invalidInput, "Invalid signal: \(text)") }
            return number
        }
        let upper = text.uppercased()
        guard let number = numbers[upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper] else {
            throw Refusal(.invalidInput, "Invalid signal: \(text)")
        }
        return number
    }
}
