package import Addressing
import DataPlane
import Glibc
package import LinuxSystem
package import Model
import Synchronization

/// Keeps a bound, never listening socket for every published port of the node, so that a second user hears "address
/// already in use" at creation, and no program of the node is robbed of its port silently.
package final class PortReservations: PortReserving {
    /// Where Docker looks for a port when it may choose: the kernel's usual range of ephemeral ports.
    package static let choice: ClosedRange<UInt16> = 49153...65535

    /// A request for a port: `first` to `last`, 0 for any.
    package struct Request: Sendable, Equatable {
        package var transport: TransportProtocol
        /// An unspecified one stands for every address of its family; `nil` for all of IPv4's.
        package var hostAddress: IPAddress?
        /// The lowest port that will do; 0 for any of ``PortReservations/choice``.
        package var first: UInt16
        /// The highest.
        package var last: UInt16
        package var targetAddress: IPAddress
        package var targetPort: UInt16
        /// Where the same port of all of IPv6's addresses leads; `nil`: nowhere.
        package var target6: IPAddress?

        package init(
            transport: TransportProtocol, hostAddress: IPAddress? = nil, first: UInt16, last: UInt16? = nil,
            targetAddress: IPAddress, targetPort: UInt16, target6: IPAddress? = nil
        ) {
            self.transport = transport
            self.hostAddress = hostAddress
            self.target6 = target6
            self.first = first
            self.last = last ?? first
            self.targetAddress = targetAddress
            self.targetPort = targetPort
        }

        fileprivate func ports(at number: UInt16) -> [HostPort] {
            let own = HostPort(
                PublishedPort(
                    transport: transport, hostAddress: hostAddress, hostPort: number, containerPort: targetPort),
                to: targetAddress)
            guard let target6 else { return [own] }
            let other = PublishedPort(
                transport: transport, hostAddress: .unspecified(.v6), hostPort: number, containerPort: targetPort)
            return [own, HostPort(other, to: target6)]
        }
    }

    private struct Key: Hashable {
        let transport: TransportProtocol
        /// An unspecified one: all of its family.
        let address: IPAddress
        let port: UInt16

        init(_ port: PublishedPort) {
            transport = port.transport
            address = port.calledAddress
            self.port = port.hostPort
        }

        /// Whether both cannot be had.
        func meets(_ other: Key) -> Bool {
            address.family == other.address.family
                && (address == other.address || address.isUnspecified || other.address.isUnspecified)
        }
    }
    private struct Held { let owner: String, socket: CInt }

    /// A port at whatever address.
    private struct Number: Hashable { let transport: TransportProtocol, port: UInt16 }

    /// What is held, found by all that is asked for: nothing costs more beside many ports.
    private struct Book {
        private(set) var all: [Key: Held] = [:]
        private(set) var byOwner: [String: Set<Key>] = [:]
        private var byNumber: [Number: Set<Key>] = [:]

        mutating func add(_ key: Key, _ one: Held) {
            all[key] = one
            byOwner[one.owner, default: []].insert(key)
            byNumber[Number(transport: key.transport, port: key.port), default: []].insert(key)
        }

        mutating func remove(_ key: Key) -> CInt? {
            guard let one = all.removeValue(forKey: key) else { return nil }
            byOwner[one.owner]?.remove(key)
            if byOwner[one.owner]?.isEmpty == true { byOwner[one.owner] = nil }
            let number = Number(transport: key.transport, port: key.port)
            byNumber[number]?.remove(key)
            if byNumber[number]?.isEmpty == true { byNumber[number] = nil }
            return one.socket
        }

        /// At that address, or where one of both means every address.
        func isTaken(_ key: Key) -> Bool {
            byNumber[Number(transport: key.transport, port: key.port)]?.contains { $0.meets(key) } == true
        }
    }

    private let namespace: NetworkNamespace?
    private let book = Mutex(Book())

    /// - Parameter namespace: the node's; `nil`: the process's own.
    package init(namespace: NetworkNamespace?) { self.namespace = namespace }

    deinit {
        for one in book.withLock({ $0.all }).values where one.socket >= 0 { close(one.socket) }
    }

    /// Takes ports for a container, all or none. Ports it already has are kept.
    /// - Parameters:
    ///   - owner: the container's id, for ``release(_:)``.
    ///   - endpoint: name and id of the endpoint, for the error.
    /// - Throws: ``PortError`` when a port is taken.
    package func reserve(_ requests: [Request], owner: String, endpoint: (name: String, id: String)) async throws
        -> [HostPort]
    {
        let work: @Sendable () throws -> [HostPort] = { [self] in
            var taken: [Key] = []
            var ports: [HostPort] = []
            do {
                for request in requests {
                    let (found, new) = try take(request, owner, ports)
                    taken += new
                    ports += found
                }
            } catch let refusal as PortRefusal {
                drop(taken)
                throw PortError.notPublished(endpoint: endpoint.name, id: endpoint.id, reason: refusal)
            } catch {
                drop(taken)
                throw error
            }
            return ports
        }
        if let namespace { return try await namespace.run(work) }
        return try await onThread(work)
    }

    package func release(_ owner: String) {
        drop(book.withLock { $0.byOwner[owner] ?? [] })
    }

    package func hold(_ ports: [HostPort], owner: String, isAhead: Bool) async throws -> [HostPort] {
        let wanted = Set(ports.map { Key($0.published) })
        let present = book.withLock { $0.byOwner[owner] ?? [] }
        drop(present.subtracting(wanted))
        let missing = ports.filter { !present.contains(Key($0.published)) }
        if missing.isEmpty { return [] }
        let work: @Sendable () throws -> [HostPort] = { [self] in
            missing.filter { port in
                do {
                    _ = try take(
                        Request(
                            transport: port.published.transport, hostAddress: port.published.calledAddress,
                            first: port.published.hostPort, targetAddress: port.target,
                            targetPort: port.published.containerPort), owner, [], isAhead: isAhead)
                    return false
                } catch {
                    // Told to the caller as a port that others have.
                    return true
                }
            }
        }
        if let namespace { return try await namespace.run(work) }
        return try await onThread(work)
    }

    package var owners: Set<String> { book.withLock { Set($0.byOwner.keys) } }

    private func drop(_ keys: some Sequence<Key>) {
        let sockets = book.withLock { book in keys.compactMap { book.remove($0) } }
        for socket in sockets where socket >= 0 { close(socket) }
    }

    /// In the calling thread's namespace.
    /// - Returns: What is had, of which some may have been before.
    /// - Throws: ``PortRefusal`` when no port that will do can be had.
    private func take(
        _ request: Request, _ owner: String, _ sofar: [HostPort], isAhead: Bool = false
    ) throws -> (ports: [HostPort], new: [Key]) {
        let candidates = request.first == 0 ? Self.choice : request.first...max(request.first, request.last)
        var refusal = PortRefusal.noneFree
        for number in candidates {
            let ports = request.ports(at: number)
            let mine = ports.map { Key($0.published) }.filter { key in book.withLock { $0.all[key]?.owner == owner } }
            if mine.contains(where: { key in sofar.contains { Key($0.published) == key } }) { continue }
            var new: [Key] = []
            do {
                for port in ports { if let key = try take(port, owner, isAhead: isAhead) { new.append(key) } }
                return (ports, new)
            } catch let reason as PortRefusal {
                drop(new)
                refusal = reason
            } catch {
                drop(new)
                throw error
            }
        }
        throw refusal
    }

    /// - Returns: `nil` where the owner has it already.
    private func take(_ port: HostPort, _ owner: String, isAhead: Bool) throws -> Key? {
        let key = Key(port.published)
        if book.withLock({ $0.all[key]?.owner == owner }) { return nil }
        if book.withLock({ $0.isTaken(key) }) { throw PortRefusal.allocated(address: key.address, port: key.port) }
        do {
            let socket = try Self.bind(key, isAhead: isAhead)
            book.withLock { $0.add(key, Held(owner: owner, socket: socket)) }
            return key
        } catch let error as SystemError where error.errno == EADDRINUSE || error.errno == EADDRNOTAVAIL {
            throw PortRefusal.notBound(
                address: key.address, port: key.port, target: port.target, targetPort: port.published.containerPort,
                transport: key.transport, reason: error.errno == EADDRINUSE ? .addressInUse : .addressNotAvailable)
        }
    }

    /// -1 where the kernel has no such protocol: then nobody can take the port either.
    private static func bind(_ key: Key, isAhead: Bool) throws -> CInt {
        let place = InternetSocketAddress(key.address, port: key.port)
        let number: CInt
        switch key.transport {
        case .tcp:
            number = socket(place.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(IPPROTO_TCP))
        case .udp:
            number = socket(place.family, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(IPPROTO_UDP))
        case .sctp:
            number = socket(place.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), CInt(IPPROTO_SCTP))
        }
        if number < 0, key.transport == .sctp { return -1 }
        let descriptor = Descriptor(owning: try check(number, "open a socket"))
        var yes: CInt = 1
        if key.address.family == .v6 {
            // IPv4's has a socket of its own.
            try check(
                setsockopt(
                    descriptor.raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &yes, socklen_t(MemoryLayout<CInt>.size)),
                "keep a socket to IPv6")
        }
        if isAhead {
            let (level, option) =
                key.address.family == .v6 ? (CInt(IPPROTO_IPV6), IPV6_FREEBIND) : (CInt(IPPROTO_IP), IP_FREEBIND)
            try check(
                setsockopt(descriptor.raw, level, option, &yes, socklen_t(MemoryLayout<CInt>.size)), "bind ahead")
        }
        try check(place.withPointer { Glibc.bind(descriptor.raw, $0, $1) }, "bind \(place)/\(key.transport)")
        return descriptor.release()
    }
}
