import Addressing
import EngineInterface
import Faults
import LinuxSystem
import Logging
import Model

/// A running container that another one on the default bridge is linked to: how it is known there. Pure. Source: moby, `daemon/links`.
struct LinkedContainer: Sendable, Equatable {
    /// As in `/web/db`.
    let path: String
    let alias: String
    let name: String
    let hostname: String
    let address: IPAddress
    let ports: [PortKey]
    let variables: [String]

    init(_ child: ContainerRecord, as alias: String, of parent: ContainerRecord, at address: IPAddress) {
        self.address = address
        self.alias = alias
        hostname = child.configuration.hostname
        name = child.name
        path = "/\(parent.name)/\(alias)"
        ports = (child.configuration.singlePorts ?? [:]).keys.compactMap { PortKey($0) }.sorted {
            $0.port != $1.port ? $0.port < $1.port : $0.transport == .tcp && $1.transport != .tcp
        }
        variables = child.configuration.env
    }

    /// What it is called in `/etc/hosts`.
    var names: String {
        ([alias, hostname] + (alias == name ? [] : [name])).filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// Whether a line of `/etc/hosts` is that of a link: an address, the alias, and then what the container calls itself.
    static func isLine(_ line: Substring, of alias: String, hostname: String) -> Bool {
        let names = line.split(whereSeparator: \.isWhitespace).dropFirst()
        return names.first == Substring(alias) && (hostname.isEmpty || names.dropFirst().first == Substring(hostname))
    }

    /// Variables that tell a program where it is and what is in it.
    var environment: [String] {
        let prefix = alias.uppercased().replacing("-", with: "_")
        var lines: [String] = []
        if let first = ports.first { lines.append("\(prefix)_PORT=\(first.transport)://\(address):\(first.port)") }
        var index = 0
        while index < ports.count {
            let last = lastOfRun(from: index)
            if last > index {
                let first = ports[index]
                let name = "\(prefix)_PORT_\(first.port)_\(first.transport.rawValue.uppercased())"
                lines += [
                    "\(name)_START=\(first.transport)://\(address):\(first.port)", "\(name)_ADDR=\(address)",
                    "\(name)_PROTO=\(first.transport)", "\(name)_PORT_START=\(first.port)",
                    "\(name)_END=\(ports[last].transport)://\(address):\(ports[last].port)",
                    "\(name)_PORT_END=\(ports[last].port)",
                ]
            }
            index = last + 1
        }
        for port in ports {
            let name = "\(prefix)_PORT_\(port.port)_\(port.transport.rawValue.uppercased())"
            lines += [
                "\(name)=\(port.transport)://\(address):\(port.port)", "\(name)_ADDR=\(address)",
                "\(name)_PORT=\(port.port)", "\(name)_PROTO=\(port.transport)",
            ]
        }
        lines.append("\(prefix)_NAME=\(path)")
        for variable in variables {
            guard let equals = variable.firstIndex(of: "=") else { continue }
            let name = variable[..<equals]
            // Of the image rather than of this container.
            if name != "HOME", name != "PATH" { lines.append("\(prefix)_ENV_\(variable)") }
        }
        return lines
    }

    /// The last port of those that follow one another without a gap.
    private func lastOfRun(from index: Int) -> Int {
        var last = index
        for (one, next) in zip(ports.dropFirst(index), ports.dropFirst(index + 1)) {
            guard Int(clamping: next.port) == Int(clamping: one.port) + 1 else { break }
            last += 1
        }
        return last
    }
}

/// A link as it is found by its name, `parent/alias`.
struct NamedLink: Sendable {
    let parent: ContainerRecord
    let child: ContainerRecord
    let alias: String
}

extension ContainerRecord {
    /// Forgets a link, and shows it no more.
    mutating func removeLink(_ alias: String) {
        guard var known = links, let index = known.firstIndex(where: { $0.alias == alias }) else { return }
        // What is shown is made of them, in their order.
        if var shown = hostConfig.links, shown.count == known.count {
            shown.remove(at: index)
            hostConfig.links = shown.isEmpty ? nil : shown
        }
        known.remove(at: index)
        links = known.isEmpty ? nil : known
    }
}

/// Links between containers on the default bridge.
struct ContainerLinks {
    private let containers: ContainerTable

    init(_ containers: ContainerTable) { self.containers = containers }

    /// Finds the containers that a new one on the default bridge is linked to. On other networks links are names, which are looked up.
    /// - Throws: ``ContainerError``, ``ContainerOptionError``.
    func resolve(_ record: inout ContainerRecord) throws {
        guard let texts = record.hostConfig.links, !texts.isEmpty, record.networkMode == "bridge" else { return }
        var links: [ContainerRecord.Link] = []
        var shown: [String] = []
        for text in texts {
            let link = try LinkText(text)
            let child: ContainerRecord
            do { child = try containers.find(link.name) } catch let refusal as ContainerError {
                throw ContainerOptionError.linkedContainerUnknown(name: link.name, cause: Cause(refusal))
            }
            guard !child.isOnHostNetwork else {
                throw ContainerOptionError.conflicting(.linksAndHostNetwork)
            }
            links.append(ContainerRecord.Link(containerID: child.id, alias: link.alias))
            shown.append("/\(child.name):/\(record.name)/\(link.alias)")
        }
        record.links = links
        record.hostConfig.links = shown
    }

    /// The containers that one is linked to, for its start.
    /// - Throws: ``ContainerError``, ``ContainerOptionError`` when one of them does not run.
    func linked(to record: ContainerRecord) throws -> [LinkedContainer] {
        guard let links = record.links, record.endpoints.contains(where: { $0.networkName == "bridge" }) else {
            return []
        }
        return try links.compactMap { link in
            // One that has been removed is linked to no more.
            guard let child = containers.record(link.containerID) else { return nil }
            guard child.isUp else {
                throw ContainerOptionError.linkedContainerNotRunning(
                    child: child.name, parent: record.name, alias: link.alias)
            }
            guard let place = child.endpoints.first(where: { $0.networkName == "bridge" && $0.isJoined })?.address
            else {
                throw ContainerOptionError.linkedContainerOffBridge(child.id)
            }
            return LinkedContainer(child, as: link.alias, of: record, at: place.address)
        }
    }
}
