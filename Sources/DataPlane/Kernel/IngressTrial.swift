import Addressing
import Glibc
import LinuxSystem
import Model
import Netlink

/// Tries whether this kernel carries what a routing mesh with certain numbers needs, with the parameters that namespaces take from it: an answer to a
/// neighbour in the ingress network, and one to a client from outside.
///
/// It is tried as it will be, between an ingress sandbox and a task that have nothing but a pair of links. Both are namespaces without a name, which go
/// with the trial or with the process, and of the node's own network nothing is touched.
struct IngressTrial {
    private enum Outcome: Sendable { case carried, lost, refused(String) }

    /// Those of IPv4 that the node may have set, that others copy, and that can keep neighbours from finding each other. 0 is what kernels begin with.
    private static let suspects = ["arp_ignore", "arp_filter"]
    private static let link = "eth0"
    /// Of nobody (RFC 5737).
    private static let client = IPAddress(192, 0, 2, 1)
    /// For benchmarks of networks (RFC 2544), and private ones: one of them is another network's than the tried one.
    private static let others = [
        IPNetwork(address: IPAddress(198, 18, 0, 0), prefixLength: 16),
        IPNetwork(address: IPAddress(10, 255, 0, 0), prefixLength: 16),
    ]
    private static let tries = 3
    private static let timeout = timeval(tv_sec: 0, tv_usec: 300_000)

    /// Done in the task's namespace before anything is sent.
    private let hindrance: @Sendable () throws -> Void

    /// - Returns: `nil` when everything arrives.
    /// - Throws: When it cannot be tried.
    static func run(
        _ subnet: IPNetwork, hindrance: @escaping @Sendable () throws -> Void = {}
    ) async throws -> IngressTrouble? {
        let trial = IngressTrial(hindrance: hindrance)
        let (outcome, set) = try await trial.attempt(subnet)
        switch outcome {
        case .carried: return nil
        case .refused(let reason): return .refused(reason: reason)
        case .lost: break
        }
        for (parameter, place) in set {
            guard case .carried = try await trial.attempt(subnet, clearing: parameter).outcome else { continue }
            return .parameter(name: "net.ipv4.conf.\(place.scope).\(parameter)", value: place.value)
        }
        guard let other = others.first(where: { !$0.overlaps(subnet) }),
            case .carried = try await trial.attempt(other).outcome
        else { return .silent }
        return .lost
    }

    /// - Parameter suspect: A parameter that is not as the node has it.
    /// - Returns: What became of it, and which of the suspected parameters were set otherwise than to 0.
    private func attempt(
        _ subnet: IPNetwork, clearing suspect: String? = nil
    ) async throws -> (outcome: Outcome, set: [(parameter: String, place: (scope: String, value: String))]) {
        let (near, far) = (try await NetworkNamespace.makeNameless(), try await NetworkNamespace.makeNameless())
        defer { withExtendedLifetime((near, far)) {} }
        let (sandbox, task) = (near.namespace, far.namespace)
        try await sandbox.run {
            try RouteSocket().perform([
                CreateVeth(name: Self.link, peer: VethPeer(name: Self.link, namespace: task))
            ])
            var wanted = DesiredNamespace()
            wanted.setIngressParameters(at: [Self.link])
            try Self.prepare(wanted, clearing: suspect)
        }
        let set = try await task.run { [hindrance] in
            var wanted = DesiredNamespace()
            wanted.setMeshParameters(at: Self.link)
            try hindrance()
            let set = try Self.suspects.compactMap { name in try Self.place(of: name).map { (name, $0) } }
            try Self.prepare(wanted, clearing: suspect)
            return set
        }
        let (gateway, target) = (subnet.masked.address.advanced(by: 1), subnet.masked.address.advanced(by: 2))
        do {
            try await sandbox.run {
                try RouteSocket().perform([
                    Self.address(gateway, of: subnet),
                    AddAddress(LinkAddress(link: "lo", network: IPNetwork(Self.client))),
                ])
            }
            try await task.run {
                try RouteSocket().perform([
                    Self.address(target, of: subnet), AddRoute(Route(gateway: gateway, link: .name(Self.link))),
                ])
            }
        } catch let error as NetlinkError {
            return (.refused("\(error)"), set)
        }
        for source in [gateway, Self.client] {
            let caller = try await sandbox.run { try Self.socket(at: source) }
            defer { close(caller) }
            let answerer = try await task.run { try Self.socket(at: target) }
            defer { close(answerer) }
            guard try await onThread({ try Self.exchange(caller, answerer) }) else { return (.lost, set) }
        }
        return (.carried, set)
    }

    /// Sets what the mesh relies on, and brings the links up.
    private static func prepare(_ wanted: DesiredNamespace, clearing suspect: String?) throws {
        for name in wanted.parameterOrder {
            if let value = wanted.kernel.parameters[name] { try Sysctl.write(name, value) }
        }
        for scope in ["all", link] {
            if let suspect { try Sysctl.write("net/ipv4/conf/\(scope)/\(suspect)", "0") }
        }
        try RouteSocket().perform([SetLink("lo", isUp: true), SetLink(.name(link), isUp: true)])
    }

    /// Where a parameter is set otherwise than to 0: for all links, or by what new links begin with.
    private static func place(of suspect: String) throws -> (scope: String, value: String)? {
        for (scope, told) in [("all", "all"), (link, "default")] {
            if let value = try Sysctl.read("net/ipv4/conf/\(scope)/\(suspect)"), value != "0" { return (told, value) }
        }
        return nil
    }

    private static func address(_ address: IPAddress, of subnet: IPNetwork) -> AddAddress {
        AddAddress(
            LinkAddress(
                link: .name(link), network: IPNetwork(address: address, prefixLength: subnet.prefixLength)))
    }

    /// For datagrams; the caller closes it.
    private static func socket(at address: IPAddress) throws -> CInt {
        let place = InternetSocketAddress(address, port: 0)
        let socket = try check(
            Glibc.socket(place.family, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0), "socket")
        do {
            var timeout = timeout
            try check(
                setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size)),
                "bound the wait for datagrams")
            try check(place.withPointer { bind(socket, $0, $1) }, "bind \(place)")
        } catch {
            close(socket)
            throw error
        }
        return socket
    }

    /// Whether a datagram and its answer arrive. What the kernel refuses to send does not.
    private static func exchange(_ caller: CInt, _ answerer: CInt) throws -> Bool {
        for (one, other) in [(caller, answerer), (answerer, caller)] {
            let place = try InternetSocketAddress(of: other)
            guard place.withPointer({ connect(one, $0, $1) }) == 0 else { return false }
        }
        func passes(_ sender: CInt, _ receiver: CInt) -> Bool {
            var byte: UInt8 = 1
            return send(sender, &byte, 1, 0) == 1 && recv(receiver, &byte, 1, 0) == 1
        }
        return (0..<tries).contains { _ in passes(caller, answerer) && passes(answerer, caller) }
    }
}
