import EngineInterface
import LinuxSystem
import Model

/// The processors and memory nodes that containers may be tied to, as the kernel lists them (`0-3,8`); `nil` where it does not tell.
/// Source: cgroups(7), moby pkg/sysinfo.
struct ProcessorSets {
    var processors: String?
    var memoryNodes: String?

    /// Checks what a request asks for against what the node has; nothing is read where it asks for nothing.
    static func check(_ host: HostConfiguration) async throws {
        if host.cpusetCpus.isEmpty, host.cpusetMems.isEmpty { return }
        try await onThread { try ProcessorSets.read().check(host) }
    }

    /// What the node has. Of both versions of control groups.
    static func read() throws -> ProcessorSets {
        func list(_ name: String) throws -> String? {
            for path in ["/sys/fs/cgroup/\(name).effective", "/sys/fs/cgroup/cpuset/\(name)"] {
                if let text = try Files.text(path) {
                    return text.split(whereSeparator: \.isWhitespace).first.map(String.init)
                }
            }
            return nil
        }
        return ProcessorSets(processors: try list("cpuset.cpus"), memoryNodes: try list("cpuset.mems"))
    }

    /// - Throws: ``LimitError`` for what is no list, and for what the node has not.
    func check(_ host: HostConfiguration) throws(LimitError) {
        if !host.cpusetCpus.isEmpty {
            guard let asked = Self.numbers(host.cpusetCpus) else { throw .invalidProcessorSet(host.cpusetCpus) }
            if let processors, let present = Self.numbers(processors), !asked.isSubset(of: present) {
                throw .processorsUnavailable(requested: host.cpusetCpus, available: processors)
            }
        }
        if !host.cpusetMems.isEmpty {
            guard let asked = Self.numbers(host.cpusetMems) else { throw .invalidMemoryNodeSet(host.cpusetMems) }
            if let memoryNodes, let present = Self.numbers(memoryNodes), !asked.isSubset(of: present) {
                throw .memoryNodesUnavailable(requested: host.cpusetMems, available: memoryNodes)
            }
        }
    }

    /// More than the kernel knows of either: greater numbers are as this one, which no node has.
    private static let most = 8192

    /// The numbers of a list of numbers and ranges; `nil` for another text.
    static func numbers(_ text: String) -> Set<Int>? {
        var numbers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let bounds = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { bound in
                bound.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(bound, radix: 10) : nil
            }
            guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, first <= last else { return nil }
            numbers.formUnion(min(first, most)...min(last, most))
        }
        return numbers
    }
}
