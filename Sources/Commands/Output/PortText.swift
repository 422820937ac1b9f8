import DockerClient
package import Templates

/// The ports of a container as lists show them.
package enum PortText {
    private struct Port: Comparable {
        let target: Int
        let address: String
        let published: Int
        let transport: String

        static func < (left: Port, right: Port) -> Bool {
            (left.target, left.address, left.published, left.transport)
                < (right.target, right.address, right.published, right.transport)
        }
    }

    /// `0.0.0.0:8080->80/tcp, 443/tcp`; neighbours are put together as ranges where both sides agree.
    package static func describe(_ ports: [JSON]) -> String {
        let ports = ports.map {
            Port(
                target: Int($0["PrivatePort"].integer ?? 0), address: $0["IP"].text,
                published: Int($0["PublicPort"].integer ?? 0), transport: $0["Type"].text)
        }.sorted()
        var runs: [(address: String, transport: String, first: Int, last: Int)] = []
        var closed: [String] = []
        var mapped: [String] = []
        func text(_ run: (address: String, transport: String, first: Int, last: Int)) -> String {
            let span = run.first == run.last ? "\(run.first)" : "\(run.first)-\(run.last)"
            let whole = run.address.isEmpty ? span : "\(AddressText.joined(run.address, span))->\(span)"
            return "\(whole)/\(run.transport)"
        }
        for port in ports {
            if !port.address.isEmpty, port.published != port.target {
                mapped.append(
                    "\(AddressText.joined(port.address, "\(port.published)"))->\(port.target)/\(port.transport)")
                continue
            }
            guard let index = runs.firstIndex(where: { ($0.address, $0.transport) == (port.address, port.transport) })
            else {
                runs.append((port.address, port.transport, port.target, port.target))
                continue
            }
            if port.target == runs[index].last &+ 1 {
                runs[index].last = port.target
            } else {
                closed.append(text(runs[index]))
                runs[index].first = port.target
                runs[index].last = port.target
            }
        }
        return (closed + runs.map(text) + mapped).joined(separator: ", ")
    }
}
