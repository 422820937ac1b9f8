package import Glibc

/// Which ports somebody serves in a network namespace, as its kernel tells in /proc/PID/net (proc(5)).
package struct ListeningSockets: Equatable, Sendable {
    package var tcp: Set<UInt16> = []
    /// Bound and not connected.
    package var udp: Set<UInt16> = []

    package init() {}

    /// Those of the namespace that a process is in, without the ones that only the namespace itself reaches; none when the process is gone.
    /// Blocking.
    package init(ofProcess pid: pid_t) throws(SystemError) {
        for family in ["", "6"] {
            tcp.formUnion(Self.ports(try Self.table("/proc/\(pid)/net/tcp\(family)"), "0A"))
            udp.formUnion(Self.ports(try Self.table("/proc/\(pid)/net/udp\(family)"), "07"))
        }
    }

    /// Nothing where the kernel has no IPv6 or the process has ended.
    private static func table(_ path: String) throws(SystemError) -> String {
        do {
            return try Files.text(path) ?? ""
        } catch  where error.errno == ESRCH || error.errno == EINVAL {
            return ""
        }
    }

    /// Local ports of the sockets in a state: `0: 00000000:0050 00000000:0000 0A …`, numbers in hexadecimal, addresses as they lie in memory.
    static func ports(_ table: String, _ state: String) -> Set<UInt16> {
        var ports: Set<UInt16> = []
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 4)
            guard fields.count > 3, fields[3] == state else { continue }
            let local = fields[1].split(separator: ":")
            guard local.count == 2, !isLoopback(local[0]), let port = UInt16(local[1], radix: 16) else { continue }
            ports.insert(port)
        }
        return ports
    }

    private static func isLoopback(_ address: Substring) -> Bool {
        address.count == 8 ? address.hasSuffix("7F") : address == "00000000000000000000000001000000"
    }
}
