package import Model
import Templates

/// `[[address:]host:]container[/protocol]`, each a number or a range.
package struct PortMapping: Sendable, Equatable {
    package var address = ""
    /// `nil` when the engine is to choose.
    package var host: ClosedRange<Int>?
    package var container: ClosedRange<Int>
    package var transport: String

    /// - Throws: In Docker's words: an address, a port, a range or a protocol that is none.
    package static func parse(_ text: String) throws(ValueError) -> PortMapping {
        let (ports, transport) = try Self.transport(text)
        var parts = ports.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let target = parts.removeLast()
        let source = parts.popLast() ?? ""
        var address = parts.joined(separator: ":")
        if address.hasPrefix("["), address.hasSuffix("]") { address = String(address.dropFirst().dropLast()) }
        guard address.isEmpty || AddressText.isAddress(address) else {
            throw ValueError("invalid IP address: \(address)")
        }
        guard !target.isEmpty else { throw ValueError("no port specified: \(text)<empty>") }
        guard let container = range(target) else { throw ValueError("invalid containerPort: \(target)") }
        var mapping = PortMapping(address: address, host: nil, container: container, transport: transport)
        guard !source.isEmpty else { return mapping }
        guard let host = range(source) else { throw ValueError("invalid hostPort: \(source)") }
        mapping.host = host
        // One container port may be published on any one of a range.
        guard host.count == container.count || container.count == 1 else {
            throw ValueError("invalid ranges specified for container and host Ports: \(target) and \(source)")
        }
        return mapping
    }

    static func transport(_ text: String) throws(ValueError) -> (ports: Substring, transport: String) {
        guard let slash = text.lastIndex(of: "/") else { return (text[...], "tcp") }
        let word = text[text.index(after: slash)...].lowercased()
        guard ["tcp", "udp", "sctp"].contains(word) else { throw ValueError("invalid proto: \(word)") }
        return (text[..<slash], word)
    }

    static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, let first = UInt16(ends[0]), let last = UInt16(ends[ends.count - 1]), first <= last
        else {
            return nil
        }
        return Int(first)...Int(last)
    }

    /// Names and bindings for a container: `80/tcp` and where it is published.
    package var bindings: [(port: String, binding: PortBinding)] {
        container.enumerated().map { index, port in
            var text = ""
            if let host {
                text =
                    host.count == container.count
                    ? "\(host.lowerBound + index)" : "\(host.lowerBound)-\(host.upperBound)"
            }
            return ("\(port)/\(transport)", PortBinding(hostIp: address, hostPort: text))
        }
    }
}

/// `--publish` of services: short as above, or `published=8080,target=80,protocol=tcp,mode=host`, and beyond Docker's `ip=`, `interface=`, each
/// once or several times, `local` and `affinity=source`.
package enum ServicePort {
    /// - Returns: The API's `PortConfig`, one a port.
    package static func parse(_ text: String) throws(ValueError) -> [PortConfig] {
        guard text.contains("=") else {
            let mapping = try PortMapping.parse(text)
            return mapping.container.enumerated().map { index, target in
                let published = mapping.host.map { min($0.lowerBound + index, $0.upperBound) } ?? 0
                var port = config(target, published, mapping.transport, "ingress")
                if !mapping.address.isEmpty { port.publishedOn = [mapping.address] }
                return port
            }
        }
        var target = 0
        var published = 0
        var transport = "tcp"
        var mode = "ingress"
        var publishing: PublishingLabel.Value?
        for field in GoText.commaSeparated(text) {
            let (key, given) = GoText.pair(field)
            if ["ip", "interface", "local", "affinity"].contains(key) {
                var value = publishing ?? PublishingLabel.Value()
                guard value.take(key, given) else { throw ValueError("invalid \(key): \(given ?? "")") }
                publishing = value
                continue
            }
            guard let value = given else { throw ValueError("invalid field: \(field)") }
            switch key {
            case "protocol":
                guard ["tcp", "udp", "sctp"].contains(value) else {
                    throw ValueError("invalid protocol value '\(value)'")
                }
                transport = value
            case "mode":
                guard ["host", "ingress"].contains(value) else {
                    throw ValueError("invalid publish mode value (\(value)): must be either 'ingress' or 'host'")
                }
                mode = value
            case "target": target = try number(key, value)
            case "published": published = try number(key, value)
            default: throw ValueError("invalid field key: \(key)")
            }
        }
        guard target != 0 else { throw ValueError("missing mandatory field 'target'") }
        var port = config(target, published, transport, mode)
        if let publishing { port.take(publishing) }
        return [port]
    }

    private static func number(_ key: String, _ value: String) throws(ValueError) -> Int {
        guard let number = UInt16(value) else {
            throw ValueError(
                "invalid \(key) port (\(value)): value must be an integer: "
                    + "strconv.ParseUint: parsing \(GoText.quoted(value)): invalid syntax")
        }
        return Int(number)
    }

    private static func config(_ target: Int, _ published: Int, _ transport: String, _ mode: String) -> PortConfig {
        var port = PortConfig()
        port.protocol = transport
        port.targetPort = target
        port.publishedPort = published == 0 ? nil : published
        port.publishMode = mode
        return port
    }

    /// A target port to be removed: `80` or `80/udp`, a whole mapping stands for its target. As in Docker, it is the one of the mesh unless
    /// `target=80,mode=host` says otherwise.
    package static func parseTarget(
        _ text: String
    ) throws(ValueError) -> [(port: Int, transport: String, mode: String)] {
        if text.contains("=") {
            return try parse(text).map { ($0.targetPort, $0.protocol ?? "tcp", $0.publishMode ?? "ingress") }
        }
        let mapping = try PortMapping.parse(text)
        return mapping.container.map { ($0, mapping.transport, "ingress") }
    }
}
