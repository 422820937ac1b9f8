import Glibc

/// Kernel parameters below /proc/sys. Those of `net` belong to the calling thread's network namespace.
package enum Sysctl {
    /// - Parameter name: path below /proc/sys with slashes, as in `net/ipv4/conf/eth0.1/rp_filter`.
    package static func write(_ name: String, _ value: String) throws(SystemError) {
        try Files.write(value, into: "/proc/sys/" + name)
    }

    /// The value without its line end; `nil` when the kernel has no such parameter.
    package static func read(_ name: String) throws(SystemError) -> String? {
        guard var text = try Files.text("/proc/sys/" + name) else { return nil }
        while text.hasSuffix("\n") { _ = text.popLast() }
        return text
    }

    /// Writes only when the value differs; false when it was right already.
    @discardableResult
    package static func ensure(_ name: String, _ value: String) throws(SystemError) -> Bool {
        if try read(name) == value { return false }
        try write(name, value)
        return true
    }

    /// `a.b.c` as docker's `--sysctl` takes it, as a path; names in which slashes stand for dots keep them apart.
    package static func path(ofDotted name: String) -> String {
        String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }
}
