import EngineInterface
import Glibc

/// Signals by the names that clients use.
enum SignalName {
    private static let numbers = plain.merging(realTime) { first, _ in first }

    private static let plain: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "ILL": SIGILL, "TRAP": SIGTRAP, "ABRT": SIGABRT, "BUS": SIGBUS,
        "FPE": SIGFPE, "KILL": SIGKILL, "USR1": SIGUSR1, "SEGV": SIGSEGV, "USR2": SIGUSR2, "PIPE": SIGPIPE,
        "ALRM": SIGALRM, "TERM": SIGTERM, "STKFLT": 16, "CHLD": SIGCHLD, "CONT": SIGCONT, "STOP": SIGSTOP,
        "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "URG": SIGURG, "XCPU": SIGXCPU, "XFSZ": SIGXFSZ,
        "VTALRM": SIGVTALRM, "PROF": SIGPROF, "WINCH": SIGWINCH, "IO": SIGIO, "PWR": SIGPWR, "SYS": SIGSYS,
        "CLD": SIGCHLD, "IOT": SIGIOT, "POLL": SIGPOLL, "UNUSED": SIGSYS, "RTMIN": realTimeLeast, "RTMAX": realTimeMost,
    ]

    /// `RTMIN+1` to `RTMIN+15` and `RTMAX-1` to `RTMAX-14`.
    private static var realTime: [String: Int32] {
        var numbers: [String: Int32] = [:]
        for step in Int32(1)...15 { numbers["RTMIN+\(step)"] = realTimeLeast + step }
        for step in Int32(1)...14 { numbers["RTMAX-\(step)"] = realTimeMost - step }
        return numbers
    }

    /// The first two are the C library's own.
    private static let realTimeLeast: Int32 = 34
    private static let realTimeMost: Int32 = 64

    /// `SIGTERM`, `term`, `15`.
    /// - Throws: `.invalidInput` with `Invalid signal: X`.
    static func parse(_ text: String) throws -> Int32 {
        if let number = Int32(text) {
            guard (1...64).contains(number) else { throw ContainerError.invalidSignal(text) }
            return number
        }
        let upper = text.uppercased()
        guard let number = numbers[upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper] else {
            throw ContainerError.invalidSignal(text)
        }
        return number
    }
}
