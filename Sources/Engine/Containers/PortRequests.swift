import Addressing
import DataPlane
import EngineInterface
import Faults
import Model

/// A container's port bindings as requests for ports of the node. Pure.
struct PortRequests {
    private let record: ContainerRecord

    init(_ record: ContainerRecord) { self.record = record }

    /// What a container publishes.
    struct Wanted {
        /// Ports of the node.
        var requests: [PortReservations.Request] = []
        /// Ports of its own, in families that its network routes to. Each is there once.
        var routed: [PublishedPort] = []

        /// Those that are content with one number alone first, then those with few: else a number that another may have as well is taken from who
        /// has no choice. Otherwise they stay in their order. Source: moby, `nat.SortPortMap`.
        fileprivate mutating func sort() {
            func choice(_ request: PortReservations.Request) -> Int {
                request.first == 0 ? 2 : request.first == request.last ? 0 : 1
            }
            requests = (0...2).flatMap { rank in requests.filter { choice($0) == rank } }
        }

        /// Takes what is asked for, family by family.
        fileprivate mutating func add(_ request: PortReservations.Request, _ routes: Set<IPFamily>) {
            func route(_ target: IPAddress) {
                let port = PublishedPort.routed(
                    target.family, request.transport, containerPort: request.targetPort, count: request.count)
                if !routed.contains(port) { routed.append(port) }
            }
            var rest = request
            if let other = request.target6, routes.contains(.v6) {
                route(other)
                rest.target6 = nil
            }
            guard routes.contains(request.targetAddress.family) else { return requests.append(rest) }
            route(request.targetAddress)
            guard let other = rest.target6 else { return }
            (rest.hostAddress, rest.targetAddress, rest.target6) = (.unspecified(.v6), other, nil)
            requests.append(rest)
        }
    }

    /// What names no address is published in each family that the container has an address of, at one port.
    ///
    /// Where the container may choose among ports, one that it has had is asked for first.
    ///
    /// - Parameters:
    ///   - ways: Where it leads.
    ///   - isLax: What names an address of a family that the container has none of is left out.
    /// - Throws: ``ContainerOptionError``; ``UnsupportedError`` for an address of a family that the container has none of.
    func wanted(_ ways: PortWays, isLax: Bool = false) throws -> Wanted {
        let (targets, usual, routed) = (ways.targets, ways.usual, ways.routed)
        guard !targets.isEmpty else { return Wanted() }
        var had = record.publishedPorts.filter { $0.isRouted != true }
        let bindings = record.hostConfig.portBindings ?? [:]
        var wanted = Wanted()
        for (text, list) in bindings.sorted(by: { $0.key < $1.key }) {
            let row = PortRow(text)
            guard let key = row.map(PortKey.init) ?? PortKey(text) else {
                throw ContainerOptionError.invalidPort(text)
            }
            for (binding, place) in Self.places(list ?? []) {
                let (first, last) = try Self.range(binding.hostPort)
                guard var request = Self.request(place, key, first, last, targets, usual) else {
                    if isLax { continue }
                    throw UnsupportedError.feature(
                        "publishing \(text) at \(binding.hostIp) for a container without an address of that family")
                }
                if let row {
                    request.last = request.first
                    request.count = row.ports.count
                } else {
                    Self.keep(&had, for: &request, isAlone: place.isAddress)
                }
                wanted.add(request, routed)
            }
        }
        if record.hostConfig.publishAllPorts {
            let published = record.hostConfig.singleBindings ?? [:]
            for text in (record.configuration.singlePorts ?? [:]).keys.sorted() where published[text] == nil {
                guard let key = PortKey(text) else { continue }
                if var request = Self.request(.everywhere, key, 0, 0, targets, usual) {
                    Self.keep(&had, for: &request, isAlone: false)
                    wanted.add(request, routed)
                }
            }
        }
        wanted.sort()
        return wanted
    }

    /// Where a binding wants its port.
    private enum Place: Equatable {
        /// In each family that there is.
        case everywhere
        case all(IPFamily)
        case address(IPAddress)

        var isAddress: Bool { if case .address = self { true } else { false } }
    }

    /// Asks for a number that the container has, where any of several will do. Each is kept once.
    /// - Parameter isAlone: Whether one at another address is another one's.
    private static func keep(
        _ had: inout [PublishedPort], for request: inout PortReservations.Request, isAlone: Bool
    ) {
        guard request.first == 0 || request.first != request.last else { return }
        let (transport, target) = (request.transport, request.targetPort)
        let called = request.hostAddress ?? .unspecified(.v4)
        let (first, last) = (request.first, request.last)
        func isMeant(_ port: PublishedPort) -> Bool {
            port.transport == transport && port.containerPort == target
                && (first == 0 || (first...last).contains(port.hostPort))
        }
        let same = had.firstIndex { isMeant($0) && $0.calledAddress == called }
        guard let found = same ?? (isAlone ? nil : had.firstIndex(where: isMeant)) else { return }
        let number = had[found].hostPort
        request.kept = number
        had.removeAll { isMeant($0) && $0.hostPort == number && (!isAlone || $0.calledAddress == called) }
    }

    /// Bindings with their places. Clients send one for all of IPv6 beside one for all of IPv4: both mean one port.
    private static func places(_ list: [PortBinding]) -> [(PortBinding, Place)] {
        var found: [(binding: PortBinding, place: Place)] = list.map { binding in
            guard let address = IPAddress(binding.hostIp) else { return (binding, .everywhere) }
            return (binding, address.isUnspecified ? .all(address.family) : .address(address))
        }
        for (index, entry) in found.enumerated().reversed() where entry.place == .all(.v6) {
            let beside = found.firstIndex {
                $0.binding.hostPort == entry.binding.hostPort && ($0.place == .all(.v4) || $0.place == .everywhere)
            }
            guard let beside else { continue }
            found[beside].place = .everywhere
            found.remove(at: index)
        }
        return found
    }

    /// `nil` where the container has no address for it.
    private static func request(
        _ place: Place, _ key: PortKey, _ first: UInt16, _ last: UInt16, _ targets: HostAddresses, _ usual: IPAddress?
    ) -> PortReservations.Request? {
        func request(
            _ address: IPAddress?, _ target: IPAddress?, _ other: IPAddress? = nil
        ) -> PortReservations.Request? {
            target.map {
                PortReservations.Request(
                    transport: key.transport, hostAddress: address, first: first, last: last, targetAddress: $0,
                    targetPort: key.port, target6: other)
            }
        }
        switch place {
        case .address(let address): return request(address, targets[address.family])
        case .all(let family):
            return request(family == .v4 ? usual : .unspecified(.v6), targets[family])
        case .everywhere:
            guard targets.v4 != nil else { return request(.unspecified(.v6), targets[.v6]) }
            return request(usual, targets[.v4], usual == nil ? targets[.v6] : nil)
        }
    }

    static func range(_ text: String) throws -> (UInt16, UInt16) {
        if text.isEmpty || text == "0" { return (0, 0) }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt16($0, radix: 10) }
        if parts.count == 1, let port = parts[0] { return (port, port) }
        if parts.count == 2, let low = parts[0], let high = parts[1], low <= high { return (low, high) }
        throw ContainerOptionError.invalidPort(text)
    }
}
