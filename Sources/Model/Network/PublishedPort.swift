package import Addressing

/// A port of a node that leads to a port of a container, or several in a row, each to the container's port as far from the first.
package struct PublishedPort: Codable, Hashable, Sendable {
    package var transport: TransportProtocol
    /// `nil` for every address that the node has of a family; never an unspecified one.
    package var hostAddress: IPAddress?
    package var hostPort: UInt16
    package var containerPort: UInt16
    /// Without an address: whether every address of IPv6 is meant. `nil`: of IPv4.
    package private(set) var isIPv6: Bool?
    /// Of several, the last of the node's; `nil`: it is one.
    package private(set) var lastHostPort: UInt16?
    /// No port of the node leads there: the container's own is open to whoever reaches its address. The node's numbers are the container's then, and
    /// say nothing. `nil`: it is one of the node's.
    package private(set) var isRouted: Bool?

    /// - Parameters:
    ///   - hostAddress: An unspecified one stands for every address of its family; `nil` for all of IPv4's.
    ///   - count: How many in a row; as many as there are numbers.
    package init(
        transport: TransportProtocol, hostAddress: IPAddress? = nil, hostPort: UInt16, containerPort: UInt16,
        count: Int = 1
    ) {
        self.transport = transport
        self.hostAddress = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
        self.hostPort = hostPort
        self.containerPort = containerPort
        isIPv6 = hostAddress == .unspecified(.v6) ? true : nil
        isRouted = nil
        let room = UInt16.max - max(hostPort, containerPort)
        let more = min(UInt16(clamping: max(count, 1) - 1), room)
        lastHostPort = more > 0 ? hostPort + more : nil
    }

    /// A port, or several in a row, to which no port of the node leads, see ``isRouted``.
    package static func routed(
        _ family: IPFamily, _ transport: TransportProtocol, containerPort: UInt16, count: Int = 1
    ) -> PublishedPort {
        var port = PublishedPort(
            transport: transport, hostAddress: .unspecified(family), hostPort: containerPort,
            containerPort: containerPort, count: count)
        port.isRouted = true
        return port
    }

    /// Of the addresses that are called.
    package var family: IPFamily { hostAddress?.family ?? (isIPv6 == true ? .v6 : .v4) }
    /// Where it is called, as the Engine API shows it: `0.0.0.0` or `::` for every address of a family.
    package var calledAddress: IPAddress { hostAddress ?? .unspecified(family) }

    /// The node's ports.
    package var hostPorts: ClosedRange<UInt16> { hostPort...max(hostPort, lastHostPort ?? hostPort) }

    /// The container's.
    package var containerPorts: ClosedRange<UInt16> {
        let (last, isBeyond) = containerPort.addingReportingOverflow(hostPorts.upperBound - hostPort)
        return containerPort...(isBeyond ? .max : last)
    }

    /// Each by itself.
    package var single: [PublishedPort] {
        guard lastHostPort != nil else { return [self] }
        return hostPorts.compactMap { number in
            let (container, isBeyond) = containerPort.addingReportingOverflow(number - hostPort)
            if isBeyond { return nil }
            var one = PublishedPort(
                transport: transport, hostAddress: calledAddress, hostPort: number, containerPort: container)
            one.isRouted = isRouted
            return one
        }
    }

    /// The container's port as the Engine API names it, of one: `80/tcp`.
    package var key: String { "\(containerPort)/\(transport)" }
}

/// A published port and where it leads, or a row of them.
package struct HostPort: Codable, Hashable, Sendable {
    package var published: PublishedPort
    /// The container's address in a bridge of this node.
    package var target: IPAddress

    package init(_ published: PublishedPort, to target: IPAddress) {
        self.published = published
        self.target = target
    }

    /// Each of a row by itself.
    package var single: [HostPort] {
        published.lastHostPort == nil ? [self] : published.single.map { HostPort($0, to: target) }
    }
}

/// Ports of one protocol in a row.
///
/// A container or a service that publishes thousands of them is kept, told of and led with few of these: what each of them costs is paid once. In the
/// Engine API there are single ports alone, so that rows are made where a request is read, and undone where an answer is written.
package struct PortRow: Hashable, Sendable {
    package var transport: TransportProtocol
    package var ports: ClosedRange<UInt16>

    /// Fewer are kept one by one: with one more, or one less, nothing else changes then.
    package static let least = 16

    package init(_ transport: TransportProtocol, _ ports: ClosedRange<UInt16>) {
        self.transport = transport
        self.ports = ports
    }

    /// As in `10000-19999/udp`; `nil` for what is no row, single ports among it.
    package init?(_ text: String) {
        guard let slash = text.firstIndex(of: "/"),
            let transport = TransportProtocol(rawValue: String(text[slash...].dropFirst()))
        else { return nil }
        let ends = text[..<slash].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt16(ends[0], radix: 10), let last = UInt16(ends[1], radix: 10), first > 0,
            first < last
        else {
            return nil
        }
        self.init(transport, first...last)
    }

    package var description: String { "\(ports.lowerBound)-\(ports.upperBound)/\(transport)" }

    /// Names of each: `10000/udp`.
    package var names: [String] { ports.map { "\($0)/\(transport)" } }

    /// Whether any port is in both.
    package func meets(_ other: PortRow) -> Bool { transport == other.transport && ports.overlaps(other.ports) }

    /// Indices of what stands in a row: neighbours, of which each follows the one before it.
    ///
    /// - Parameter follows: Whether what is at an index is the next after what is at the index before.
    package static func runs(_ count: Int, follows: (_ before: Int, _ index: Int) -> Bool) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        for index in 0..<max(count, 0) where index > 0 && !follows(index - 1, index) {
            runs.append(start..<index)
            start = index
        }
        if count > start { runs.append(start..<count) }
        return runs
    }
}
