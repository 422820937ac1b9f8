import Addressing
import Model

/// Ports of the node, one after the other, that lead to the ports of the same numbers of one container: one element of a map, however many they are.
struct PortSpan: Equatable {
    let transport: TransportProtocol
    let first: UInt16
    let last: UInt16
    let target: IPAddress

    /// Fewer are told one by one: then one more, or one less, changes that one alone.
    static let least = 16

    /// - Returns: Of the ports that lead to addresses of a family: spans on every address, and those that are in none. Of several that mean one port only
    ///   the first counts.
    static func fold(_ all: [HostPort], _ family: IPFamily) -> (single: [HostPort], spans: [PortSpan]) {
        let ports = all.filter { $0.target.family == family && $0.published.family == family }
        guard ports.count >= least else { return (ports, []) }
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
