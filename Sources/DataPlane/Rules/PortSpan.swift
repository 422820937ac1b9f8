import Addressing
import Model

/// Ports of the node, one after the other, that lead to the ports of the same numbers of one container: one element of a map, however many they are.
struct PortSpan: Equatable {
    let transport: TransportProtocol
    let first: UInt16
    let last: UInt16
    let target: IPAddress

    /// Fewer are told one by one: then one more, or one less, changes that one alone.
    static let least = PortRow.least

    private func has(_ port: PublishedPort) -> Bool {
        transport == port.transport && (first...last).contains(port.hostPort)
    }

    /// - Returns: Of the ports that lead to addresses of a family: spans on every address, and those that are in none. Of several that mean one port only
    ///   the first counts.
    static func fold(_ all: [HostPort], _ family: IPFamily) -> (single: [HostPort], spans: [PortSpan]) {
        let ports = all.filter { $0.target.family == family && $0.published.family == family }
        var spans: [PortSpan] = []
        var others: [HostPort] = []
        for port in ports {
            let published = port.published
            let row = published.hostPorts
            let span = PortSpan(
                transport: published.transport, first: row.lowerBound, last: row.upperBound, target: port.target)
            let isFree = !spans.contains {
                $0.transport == span.transport && $0.first <= span.last && span.first <= $0.last
            }
            if published.hostAddress == nil, published.hostPort == published.containerPort, row.count >= least, isFree {
                spans.append(span)
            } else {
                others += port.single
            }
        }
        if !spans.isEmpty {
            others.removeAll { port in port.published.hostAddress == nil && spans.contains { $0.has(port.published) } }
        }
        guard others.count >= least else { return (others, spans) }
        let (single, more) = fold(single: others, family)
        return (single, spans + more)
    }

    private static func fold(single ports: [HostPort], _ family: IPFamily) -> (single: [HostPort], spans: [PortSpan]) {
        var single: [HostPort] = []
        var same: [TransportProtocol: [UInt16: IPAddress]] = [:]
        var known: [TransportProtocol: Set<UInt16>] = [:]
        for port in ports {
            let published = port.published
            guard published.hostAddress == nil else {
                single.append(port)
                continue
            }
            guard known[published.transport, default: []].insert(published.hostPort).inserted else { continue }
            if published.hostPort == published.containerPort {
                same[published.transport, default: [:]][published.hostPort] = port.target
            } else {
                single.append(port)
            }
        }
        var spans: [PortSpan] = []
        for (transport, targets) in same {
            var run: [UInt16] = []
            func end(_ run: [UInt16]) {
                guard let first = run.first, let last = run.last, let target = targets[first] else { return }
                if run.count >= least {
                    spans.append(PortSpan(transport: transport, first: first, last: last, target: target))
                } else {
                    single += run.map { number in
                        HostPort(
                            PublishedPort(
                                transport: transport, hostAddress: .unspecified(family), hostPort: number,
                                containerPort: number), to: target)
                    }
                }
            }
            for number in targets.keys.sorted() {
                if let former = run.last, former &+ 1 == number, targets[former] == targets[number] {
                    run.append(number)
                } else {
                    end(run)
                    run = [number]
                }
            }
            end(run)
        }
        return (single, spans)
    }
}
