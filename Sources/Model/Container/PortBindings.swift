/// Where a container's port is published on the host.
package struct PortBinding: Codable, Sendable, Equatable, Hashable {
    @Zero package var hostIp: String
    /// A number, a range, or empty for a port of the engine's choice.
    @Zero package var hostPort: String

    package init() {}
    package init(hostIp: String, hostPort: String) {
        self.hostIp = hostIp
        self.hostPort = hostPort
    }
}

/// Rows of ports in what is kept of a container: beside `80/tcp` there are names as `10000-19999/udp`, published at `10000-19999`, each port at the number
/// that is as far from the first. No request has such names; none is answered with them.
extension ContainerConfiguration {
    /// Exposed ports with rows in the place of what stands in a row.
    package mutating func joinPorts() {
        guard let exposed = exposedPorts, exposed.count >= PortRow.least else { return }
        exposedPorts = Dictionary(
            HostConfiguration.rows(of: exposed) { _, _ in true }.map { ($0, Empty()) }
        ) { first, _ in first }
    }

    /// Exposed ports, each by itself.
    package var singlePorts: [String: Empty]? {
        guard let exposedPorts, exposedPorts.keys.contains(where: { PortRow($0) != nil }) else { return exposedPorts }
        return Dictionary(
            exposedPorts.keys.flatMap { PortRow($0)?.names ?? [$0] }.map { ($0, Empty()) }
        ) { first, _ in first }
    }
}

extension HostConfiguration {
    /// Bindings with rows in the place of what stands in a row, each port at the next number of the same addresses.
    package mutating func joinPorts() {
        guard let bindings = portBindings, bindings.count >= PortRow.least else { return }
        // What is published at no certain number has no next one.
        let numbers = bindings.mapValues { list in
            (list ?? []).map { binding in
                UInt16(binding.hostPort, radix: 10).flatMap { $0 > 0 ? (binding.hostIp, $0) : nil }
            }
        }
        var joined: [String: [PortBinding]?] = [:]
        let names = Self.rows(of: bindings) { before, next in
            guard let before = numbers[before], let next = numbers[next], !before.isEmpty, before.count == next.count
            else { return false }
            return zip(before, next).allSatisfy { before, next in
                guard let before, let next else { return false }
                return before.0 == next.0 && Int(clamping: before.1) + 1 == Int(clamping: next.1)
            }
        }
        for name in names {
            guard let row = PortRow(name) else {
                joined[name] = bindings[name]
                continue
            }
            let first = numbers["\(row.ports.lowerBound)/\(row.transport)"] ?? []
            joined[name] = first.compactMap { binding -> PortBinding? in
                guard let binding else { return nil }
                let last = Int(clamping: binding.1) + row.ports.count - 1
                return PortBinding(hostIp: binding.0, hostPort: "\(binding.1)-\(last)")
            }
        }
        portBindings = joined
    }

    /// Bindings, each port by itself.
    package var singleBindings: [String: [PortBinding]?]? {
        guard let portBindings, portBindings.keys.contains(where: { PortRow($0) != nil }) else { return portBindings }
        var single: [String: [PortBinding]?] = [:]
        for (name, list) in portBindings {
            guard let row = PortRow(name) else {
                single.updateValue(list, forKey: name)
                continue
            }
            let starts = (list ?? []).map {
                ($0.hostIp, $0.hostPort.split(separator: "-").first.flatMap { UInt16($0, radix: 10) } ?? 0)
            }
            for (offset, port) in row.ports.enumerated() {
                single["\(port)/\(row.transport)"] = starts.map { address, first in
                    PortBinding(hostIp: address, hostPort: String(Int(clamping: first) + offset))
                }
            }
        }
        return single
    }

    /// Names of ports as they are, and of rows in the place of at least as many as make one.
    fileprivate static func rows<Value>(
        of ports: [String: Value], _ follows: (_ before: String, _ next: String) -> Bool
    ) -> [String] {
        var found: [String] = []
        var numbers: [TransportProtocol: [UInt16]] = [:]
        for name in ports.keys {
            // As the Engine API's clients write them; in other spellings a port stays by itself.
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            if parts.count == 2, let number = UInt16(parts[0], radix: 10),
                let transport = TransportProtocol(rawValue: String(parts[1])),
                name == "\(number)/\(transport)", number > 0
            {
                numbers[transport, default: []].append(number)
            } else {
                found.append(name)
            }
        }
        for (transport, unsorted) in numbers {
            let sorted = unsorted.sorted()
            let runs = PortRow.runs(sorted.count) { before, index in
                sorted[index] - sorted[before] == 1
                    && follows("\(sorted[before])/\(transport)", "\(sorted[index])/\(transport)")
            }
            for run in runs {
                guard let first = sorted[run].first, let last = sorted[run].last else { continue }
                if run.count >= PortRow.least {
                    found.append(PortRow(transport, first...last).description)
                } else {
                    found += run.map { "\(sorted[$0])/\(transport)" }
                }
            }
        }
        return found
    }
}
