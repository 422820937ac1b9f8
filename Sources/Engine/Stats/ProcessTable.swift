import Glibc
import LinuxSystem
import Model

/// The columns of `ps -ef` for some processes, read from `/proc` (proc(5), ps(1)).
struct ProcessTable {
    static let titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    /// The width of a user's name that ps shows whole.
    private static let userWidth = 8

    /// Names by user id, from `/etc/passwd` of the host.
    let users: [UInt32: String]
    let now: Timestamp
    /// Seconds since 1970 of the machine's start.
    let bootTime: Int64
    let ticksPerSecond: UInt64

    /// Blocks.
    static func read(_ pids: [pid_t]) throws -> [[String]] {
        var users: [UInt32: String] = [:]
        for line in (try Files.text("/etc/passwd") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 2, let uid = UInt32(fields[2]), users[uid] == nil else { continue }
            users[uid] = String(fields[0])
        }
        let boot = (try Files.text("/proc/stat") ?? "").split(separator: "\n").first { $0.hasPrefix("btime ") }
        let table = ProcessTable(
            users: users, now: .now, bootTime: boot.flatMap { Int64($0.dropFirst(6)) } ?? 0,
            ticksPerSecond: UInt64(clamping: max(1, sysconf(Int32(_SC_CLK_TCK)))))
        var rows: [[String]] = []
        for pid in pids.sorted() {
            // One that has ended meanwhile has nothing to say.
            guard let stat = try text(pid, "stat"), let status = try text(pid, "status") else { continue }
            let commandLine = try text(pid, "cmdline") ?? ""
            if let row = table.row(pid, stat: stat, status: status, commandLine: commandLine) { rows.append(row) }
        }
        return rows
    }

    private static func text(_ pid: pid_t, _ name: String) throws -> String? {
        do {
            return try Files.text("/proc/\(pid)/\(name)")
        } catch {
            if error.errno == ESRCH { return nil }
            throw error
        }
    }

    func row(_ pid: pid_t, stat: String, status: String, commandLine: String) -> [String]? {
        // The second field is the name in parentheses and may hold anything; count from behind it.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, let user = UInt64(fields[11]), let kernel = UInt64(fields[12]),
            let started = UInt64(fields[19]), let terminal = Int32(fields[4])
        else { return nil }
        let name = stat[stat.index(after: open)..<close]
        let seconds = user.addingReportingOverflow(kernel).partialValue / max(1, ticksPerSecond)
        let start = bootTime + Int64(clamping: started / max(1, ticksPerSecond))
        let age = max(1, now.seconds - start)
        let arguments = commandLine.split(separator: "\0").joined(separator: " ")
        return [
            shown(user: status), String(pid), String(fields[1]),
            String(min(99, seconds.multipliedReportingOverflow(by: 100).partialValue / UInt64(clamping: age))),
            shown(start: start), Self.shown(terminal: terminal), Self.shown(seconds: seconds),
            arguments.isEmpty ? "[\(name)]\(fields[0] == "Z" ? " <defunct>" : "")" : arguments,
        ]
    }

    private func shown(user status: String) -> String {
        // `Uid:` has the real, effective, saved and file system ids.
        let line = status.split(separator: "\n").first { $0.hasPrefix("Uid:") } ?? ""
        guard let uid = line.split(whereSeparator: \.isWhitespace).dropFirst(2).first.flatMap({ UInt32($0) }) else {
            return "?"
        }
        guard let name = users[uid] else { return String(uid) }
        return name.count > Self.userWidth ? name.prefix(Self.userWidth - 1) + "+" : name
    }

    private func shown(start: Int64) -> String {
        let then = Self.local(start)
        let today = Self.local(now.seconds)
        if then.tm_year != today.tm_year { return String(then.tm_year + 1900) }
        if then.tm_yday == today.tm_yday { return "\(Self.two(Int(then.tm_hour))):\(Self.two(Int(then.tm_min)))" }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return (months.dropFirst(Int(clamping: max(0, then.tm_mon))).first ?? "")
            + Self.two(Int(clamping: then.tm_mday))
    }

    private static func local(_ seconds: Int64) -> tm {
        var time = time_t(clamping: seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        return parts
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func shown(terminal number: Int32) -> String {
        let device = UInt32(bitPattern: number)
        let (major, minor) = ((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00))
        switch major {
        case 0: return "?"
        // Unix98 terminals: documented in the kernel's devices.txt.
        case 136...143: return "pts/\((major - 136) << 8 | minor)"
        case 4: return minor < 64 ? "tty\(minor)" : "ttyS\(minor - 64)"
        default: return "?"
        }
    }

    private static func shown(seconds: UInt64) -> String {
        let seconds = Int(clamping: seconds)
        let days = seconds / 86_400
        let clock = "\(two(seconds / 3600 % 24)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        return days > 0 ? "\(two(days))-\(clock)" : clock
    }
}
