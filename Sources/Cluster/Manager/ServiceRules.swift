import Faults
import Model
import Orchestration

/// What a service's specification must be like, in Docker's words, and what is filled in.
struct ServiceRules {
    private let state: SwarmState

    init(_ state: SwarmState) { self.state = state }

    /// The specification as it is stored: checked, networks as ids, defaults filled in.
    /// - Parameter replacing: The service that is updated; `nil` for a new one.
    func checked(_ spec: ServiceSpec, replacing: Service?) throws -> ServiceSpec {
        var spec = spec
        try checkName(spec, replacing)
        try TaskRules.check(spec.taskTemplate)
        try ModeRules.check(&spec, replacing: replacing?.spec)
        spec.taskTemplate.networks = try spec.taskTemplate.networks.map { try $0.map(resolve) }
        spec.networks = try spec.networks.map { try $0.map(resolve) }
        spec.taskTemplate.runtime = spec.taskTemplate.runtime ?? "container"
        var endpoint = spec.endpointSpec ?? EndpointSpec()
        endpoint.mode = (endpoint.mode ?? "").isEmpty ? "vip" : endpoint.mode
        endpoint.ports = endpoint.ports.map { $0.map(Self.completed) }
        spec.endpointSpec = endpoint
        try checkEndpoint(spec, replacing)
        return spec
    }

    private func invalid(_ text: String) -> APIError { .invalidArgument(text) }
    private func refused(_ what: String) -> APIError { .notBuilt(what) }

    private func checkName(_ spec: ServiceSpec, _ replacing: Service?) throws {
        let name = spec.name
        let inner = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        let outer = inner.subtracting("-_")
        guard let first = name.first, let last = name.last, outer.contains(first), outer.contains(last),
            name.allSatisfy(inner.contains)
        else { throw invalid("name must be valid as a DNS name component") }
        guard name.utf8.count <= 63 else { throw invalid("name must be 63 characters or fewer") }
        if let replacing {
            guard name == replacing.spec.name else {
                throw APIError(
                    .notImplemented, "rpc error: code = Unimplemented desc = renaming services is not supported")
            }
        } else if state.hasService(named: name) {
            throw APIError(
                .conflict,
                "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service \(name) already exists"
            )
        }
    }

    private func resolve(_ attachment: NetworkAttachmentConfig) throws -> NetworkAttachmentConfig {
        let target = attachment.target
        let found =
            state.networks[target] ?? state.networks.values.first { $0.spec.name == target }
            ?? state.networks.values.first { !target.isEmpty && $0.id.hasPrefix(target) }
        guard let found else {
            if ["bridge", "host", "none"].contains(target) { throw refused("a service in the network \(target)") }
            throw APIError(.notFound, "network \(target) not found")
        }
        if let option = attachment.driverOpts?.keys.sorted().first {
            throw refused("the option \(option) of a service's network")
        }
        guard found.spec.ingress != true else {
            throw APIError(
                .invalidInput,
                "rpc error: code = InvalidArgument desc = Service cannot be explicitly attached to the ingress network \"\(found.spec.name)\""
            )
        }
        var attachment = attachment
        attachment.target = found.id
        return attachment
    }

    private static func completed(_ port: PortConfig) -> PortConfig {
        var port = port
        port.protocol = port.protocol ?? "tcp"
        port.publishMode = port.isOnMesh ? "ingress" : port.publishMode
        return port
    }

    private func checkEndpoint(_ spec: ServiceSpec, _ replacing: Service?) throws {
        guard ["vip", "dnsrr"].contains(spec.endpointSpec?.mode ?? "") else {
            throw APIError(.invalidInput, "invalid endpoint mode: \(spec.endpointSpec?.mode ?? "")")
        }
        var seen = Set<String>()
        for port in spec.ports {
            guard (1...65_535).contains(port.targetPort), (0...65_535).contains(port.publishedPort ?? 0),
                let transport = port.transport, ["ingress", "host"].contains(port.publishMode ?? "")
            else { throw invalid("invalid port specification") }
            if transport == .sctp { throw refused("publishing sctp ports") }
            if port.isOnMesh, spec.endpointSpec?.mode == "dnsrr" {
                throw invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode")
            }
            guard let published = port.publishedPort, published != 0 else { continue }
            guard seen.insert("\(published)/\(transport)/\(port.publishMode ?? "")").inserted else {
                throw invalid("EndpointSpec: duplicate published ports provided")
            }
            try checkFree(port, published, replacing)
        }
    }

    /// A mesh port belongs to one service, whatever it does with host ports; host ports of several services may share nodes.
    private func checkFree(_ port: PortConfig, _ published: Int, _ replacing: Service?) throws {
        for service in state.services(onPort: published, port.transport).sorted(by: { $0.id < $1.id })
        where service.id != replacing?.id {
            for other in (service.endpoint.ports ?? []) + service.spec.ports
            where other.publishedPort == published && other.transport == port.transport
                && (other.isOnMesh || port.isOnMesh)
            {
                throw invalid(
                    "port '\(published)' is already in use by service '\(service.spec.name)' (\(service.id)) as \(other.isOnMesh ? "an ingress" : "a host-published") port"
                )
            }
        }
    }
}
