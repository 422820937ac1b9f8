import Addressing
import LinuxSystem

enum RoutedSubnets {
    /// Subnets that the host routes, which a chosen one must not hide.
    static func read() async throws -> [IPNetwork] {
        let text = try await onThread { try Files.text("/proc/net/route") } ?? ""
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: "\t")
            guard fields.count > 7, let destination = UInt32(fields[1], radix: 16),
                let mask = UInt32(fields[7], radix: 16), mask != 0
            else { return nil }
            // The kernel prints both as they lie in memory.
            return IPNetwork(
                address: .v4(IPv4Address(number: destination.byteSwapped)), prefixLength: mask.nonzeroBitCount)
        }
    }
}
