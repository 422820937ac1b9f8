import Foundation
import Glibc

/// What a process has used so far.
struct ProcessCost {
    /// User and system time.
    var cpu: Duration
    /// Bytes in memory that are its own or shared.
    var resident: Int

    /// - Throws: What reading `/proc` threw, as for a process that has ended.
    init(of process: Int32) throws {
        let stat = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        // The name, which may have blanks, is in brackets; user and system time are the 14th and 15th field (proc(5)).
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
        cpu = .milliseconds(ticks * 1000 / max(1, sysconf(Int32(_SC_CLK_TCK))))
        let pages = try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8).split(separator: " ")
        resident = (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * Int(getpagesize())
    }
}
