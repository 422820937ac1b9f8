import EngineInterface
import Faults
import Model
import Orchestration

/// What a service's specification must be like, in Docker's words, and what is filled in.
struct ServiceRules {
    private let state: SwarmState

    init(_ state: SwarmState) { self.state = state }

    /// The specification as it is stored: checked, networks as ids, defaults filled in.
    /// - Parameters:
    ///   - replacing: The service that is updated; `nil` for a new one.
    ///   - isExact: The specification says all; what it leaves out is not kept from before.
    func checked(_ spec: ServiceSpec, replacing: Service?, isExact: Bool = false) throws -> ServiceSpec {
        var spec = spec
        Self.settleSpelling(&spec)
        try TaskRules.checkRuntime(spec.taskTemplate)
        try checkName(spec, replacing)
        try TaskRules.check(spec.taskTemplate)
        try ModeRules.check(&spec, replacing: replacing?.spec)
        spec.taskTemplate.networks = try spec.taskTemplate.networks.map { try $0.map(resolve) }
        spec.networks = try spec.networks.map { try $0.map(resolve) }
        try settlePredefined(&spec)
        try LinkRules.settle(&spec)
        settleUsualWords(&spec.taskTemplate, replacing?.spec.taskTemplate)
        var endpoint = spec.endpointSpec ?? EndpointSpec()
        endpoint.mode = [nil, .other("")].contains(endpoint.mode) ? .vip : endpoint.mode
        let publishing = PublishingRules(
            state: state, labels: spec.labels, former: replacing?.spec.ports ?? [], isExact: isExact)
        endpoint.ports = try endpoint.ports.map { try publishing.filled(Self.separated($0)) }
        spec.endpointSpec = endpoint
        try checkEndpoint(spec, replacing)
        try checkSealing(spec)
        try FixedAddressRules(state).check(spec, of: replacing?.id)
        return spec
    }

    /// Answers name the isolation though nobody has asked for it, and clients send back what they were answered: that alone must not make another
    /// template of it, whose tasks would be replaced. Nor does another word for the one runtime that there is.
    private func settleUsualWords(_ template: inout TaskSpec, _ former: TaskSpec?) {
        template.runtime = former?.runtime ?? "container"
        if ["", "default"].contains(template.containerSpec?.isolation ?? "") {
            template.containerSpec?.isolation = former?.containerSpec?.isolation
        }
    }

    private func checkName(_ spec: ServiceSpec, _ replacing: Service?) throws {
        let name = spec.name
        let inner = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        let outer = inner.subtracting("-_")
        guard let first = name.first, let last = name.last, outer.contains(first), outer.contains(last),
            name.allSatisfy(inner.contains)
        else { throw ServiceError.invalidName }
        guard name.utf8.count <= 63 else { throw ServiceError.longName }
        if let replacing {
            guard name == replacing.spec.name else {
                throw ServiceError.renamed
            }
        } else if state.hasService(named: name) {
            throw ServiceError.nameTaken(name)
        }
    }

    private func resolve(_ attachment: NetworkAttachmentConfig) throws -> NetworkAttachmentConfig {
        let target = attachment.target
        let found =
            state.networks[target] ?? state.networks(named: target).first
            ?? state.networks.values.first { !target.isEmpty && $0.id.hasPrefix(target) }
        guard let found else {
            if attachment.predefined != nil {
                try LinkRules.check(attachment)
                return attachment
            }
            throw ServiceError.networkNotFound(target)
        }
        guard found.spec.ingress != true else {
            throw ServiceError.ingressNamed(found.spec.name)
        }
        var attachment = attachment
        attachment.target = found.id
        try LinkRules.check(attachment)
        return attachment
    }

    /// A node's own network stands alone, and in the template, which is what nodes are sent.
    private func settlePredefined(_ spec: inout ServiceSpec) throws(ServiceError) {
        let inTemplate = spec.taskTemplate.networks ?? []
        let all = inTemplate.isEmpty ? spec.networks ?? [] : inTemplate
        guard let own = all.lazy.compactMap(\.predefined).first else { return }
        guard Set(all.map(\.target)).count == 1 else { throw .combinedNetwork(own.rawValue) }
        if spec.ports.contains(where: \.isOnMesh) { throw .meshPortInNetwork(own.rawValue) }
        spec.taskTemplate.networks = all
        spec.networks = nil
    }

    /// Each port by itself, as labels and what was there before are about single ones; in as many as there can be.
    private static func separated(_ ports: [PortConfig]) throws(ServiceError) -> [PortConfig] {
        let most = TransportProtocol.allCases.count * 2 * 65_535
        guard ports.total <= most, ports.allSatisfy({ $0.inRow == nil || $0.single.count == $0.count }) else {
            throw .invalidPort
        }
        return ports.single
    }

    /// Words for mounts and ports in any case, and none for the usual ones, as clients send them. Source: moby, `convert.ServiceSpecToGRPC`.
    private static func settleSpelling(_ spec: inout ServiceSpec) {
        func word(_ text: String?, usual: String) -> String {
            let word = text?.lowercased() ?? ""
            return word.isEmpty ? usual : word
        }
        let ports = spec.endpointSpec?.ports?.map { port -> PortConfig in
            var port = port
            port.protocol = word(port.protocol, usual: "tcp")
            port.publishMode = word(port.publishMode, usual: "ingress")
            return port
        }
        if ports != nil { spec.endpointSpec?.ports = ports }
        let mounts = spec.taskTemplate.containerSpec?.mounts?.map { mount -> Mount in
            var mount = mount
            mount.type = word(mount.type, usual: "bind")
            mount.consistency = mount.consistency?.lowercased()
            if var options = mount.bindOptions {
                options.propagation = options.propagation.lowercased()
                mount.bindOptions = options
            }
            return mount
        }
        if mounts != nil { spec.taskTemplate.containerSpec?.mounts = mounts }
    }

    private func checkEndpoint(_ spec: ServiceSpec, _ replacing: Service?) throws {
        if spec.ports.contains(where: \.isOnMesh), state.lacksIngress { throw ServiceError.noIngress }
        if case .other(let text) = spec.endpointSpec?.mode { throw ServiceError.unknownEndpointMode(text) }
        // Of both modes together: on a node with a task there would be two of one number. Source: SwarmKit.
        var seen: [TransportProtocol: [ClosedRange<Int>]] = [:]
        for port in spec.ports {
            guard (1...65_535).contains(port.targetPort), (0...65_535).contains(port.publishedPort ?? 0),
                let transport = port.transport, ["ingress", "host"].contains(port.publishMode ?? "")
            else { throw ServiceError.invalidPort }
            if transport == .sctp, !hasSCTP {
                throw UnsupportedError.feature("publishing sctp ports where no node's kernel has SCTP")
            }
            if port.isOnMesh, spec.endpointSpec?.mode == .dnsrr {
                throw ServiceError.ingressPortOfRoundRobin
            }
            guard let published = port.publishedPorts else { continue }
            seen[transport, default: []].append(published)
            try checkFree(port, published, replacing)
        }
        for unsorted in seen.values {
            let all = unsorted.sorted { $0.lowerBound < $1.lowerBound }
            if zip(all, all.dropFirst()).contains(where: { $0.upperBound >= $1.lowerBound }) {
                throw ServiceError.duplicatePort
            }
        }
    }

    /// The mesh reaches tasks of a sealed network by way of the ingress network, and nothing else does.
    private func checkSealing(_ spec: ServiceSpec) throws(ServiceError) {
        let networks = spec.attachedNetworks.compactMap { state.networks[$0.target] }
        guard networks.areSealed, let sealed = networks.first(where: \.isSealed)?.spec.name else { return }
        if spec.ports.contains(where: { !$0.isOnMesh }) { throw .hostPortInSealedNetwork(sealed) }
        if spec.ports.contains(where: { $0.onlyLocal == true }) { throw .localPortInSealedNetwork(sealed) }
    }

    /// Whether any node can have a task that speaks it.
    private var hasSCTP: Bool { state.nodes.shared.contains { $0.value.description?.hasSCTP == true } }

    /// A mesh port belongs to one service; host ports of several services may share nodes.
    private func checkFree(_ port: PortConfig, _ published: ClosedRange<Int>, _ replacing: Service?) throws {
        for service in state.services(onPorts: published, port.transport).sorted(by: { $0.id < $1.id })
        where service.id != replacing?.id {
            for other in (service.endpoint.ports ?? []) + service.spec.ports
            where other.transport == port.transport && (other.isOnMesh || port.isOnMesh) {
                guard let taken = other.publishedPorts, taken.overlaps(published) else { continue }
                throw ServiceError.portTaken(
                    port: max(taken.lowerBound, published.lowerBound), name: service.spec.name, id: service.id,
                    publishing: other.isOnMesh ? .ingress : .host)
            }
        }
    }
}
