package import Addressing
import Glibc
import LinuxSystem
package import Model
import Synchronization

/// Keeps a bound, never listening socket for every published port of the node, so that a second user hears "address
/// already in use" at creation, and no program of the node is robbed of its port silently.
package final class PortReservations: Sendable {
    /// Where Docker looks for a port when it may choose: the kernel's usual range of ephemeral ports.
    package static let choice: ClosedRange<UInt16> = 49153...65535

    /// A request for a port: `first` to `last`, 0 for any.
    package struct Request: Sendable, Equatable {
        package var transport: TransportProtocol
        package var hostAddress: IPAddress?
        /// The lowest port that will do; 0 for any of ``PortReservations/choice``.
        package var first: UInt16
        /// The highest.
        package var last: UInt16
        package var targetAddress: IPAddress
        package var targetPort: UInt16

        package init(
            transport: TransportProtocol, hostAddress: IPAddress? = nil, first: UInt16, last: UInt16? = nil,
            targetAddress: IPAddress, targetPort: UInt16
        ) {
            self.transport = transport
            self.hostAddress = hostAddress.flatMap { $0.isUnspecified ? nil : $0 }
            self.first = first
            self.last = last ?? first
            self.targetAddress = targetAddress
            self.targetPort = targetPort
        }
    }

    private struct Key: Hashable {
        let transport: TransportProtocol
        let address: IPAddress?
        let port: UInt16

        init(transport: TransportProtocol, address: IPAddress?, port: UInt16) {
            self.transport = transport
            self.address = address
            self.port = port
        }

        init(_ port: PublishedPort) {
            self.init(transport: port.transport, address: port.hostAddress, port: port.hostPort)
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
            guard let others = byNumber[Number(transport: key.transport, port: key.port)] else { return false }
            return key.address == nil || others.contains { $0.address == nil || $0.address == key.address }
        }
    }

    private let namespace: NetworkNamespace?
    private let book = Mutex(Book())

    /// - Parameter namespace: the node's; `nil`: the process's own.
    init(namespace: NetworkNamespace?) { self.namespace = namespace }

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
                    let (key, isNew) = try take(request, owner, ports)
                    if isNew { taken.append(key) }
                    ports.append(
                        HostPort(
                            PublishedPort(
                                transport: request.transport, hostAddress: request.hostAddress, hostPort: key.port,
                                containerPort: request.targetPort), to: request.targetAddress))
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

    /// Gives back all ports of a container.
    package func release(_ owner: String) {
        drop(book.withLock { $0.byOwner[owner] ?? [] })
    }

    /// Holds what an owner is to have, and nothing else of its: for adoption and for ports of the mesh. Ports that others
    /// have are returned.
    /// - Parameter isAhead: An address need not be the node's yet.
    func hold(_ ports: [HostPort], owner: String, isAhead: Bool = false) async throws -> [HostPort] {
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
                            transport: port.published.transport, hostAddress: port.published.hostAddress,
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

    /// The owners that hold anything.
    var owners: Set<String> { book.withLock { Set($0.byOwner.keys) } }

    private func drop(_ keys: some Sequence<Key>) {
        let sockets = book.withLock { book in keys.compactMap { book.remove($0) } }
        for socket in sockets where socket >= 0 { close(socket) }
    }

    /// In the calling thread's namespace.
    /// - Throws: ``PortRefusal`` when no port that will do can be had.
    private func take(
        _ request: Request, _ owner: String, _ sofar: [HostPort], isAhead: Bool = false
    ) throws -> (key: Key, isNew: Bool) {
        let candidates = request.first == 0 ? Self.choice : request.first...max(request.first, request.last)
        var refusal = PortRefusal.noneFree
        for port in candidates {
            let key = Key(transport: request.transport, address: request.hostAddress, port: port)
            let isMine = book.withLock { $0.all[key]?.owner == owner }
            if isMine {
                if !sofar.contains(where: { Key($0.published) == key }) { return (key, false) }
                continue
            }
            let address = request.hostAddress ?? .unspecified(.v4)
            if book.withLock({ $0.isTaken(key) }) {
                refusal = .allocated(address: address, port: port)
                continue
            }
            do {
                let socket = try Self.bind(key, isAhead: isAhead)
                book.withLock { $0.add(key, Held(owner: owner, socket: socket)) }
                return (key, true)
            } catch let error as SystemError where error.errno == EADDRINUSE || error.errno == EADDRNOTAVAIL {
                refusal = .notBound(
                    address: address, port: port, target: request.targetAddress, targetPort: request.targetPort,
                    transport: request.transport,
                    reason: error.errno == EADDRINUSE ? .addressInUse : .addressNotAvailable)
            }
        }
        throw refusal
    }

    /// -1 where the kernel has no such protocol: then nobody can take the port either.
    private static func bind(_ key: Key, isAhead: Bool) throws -> CInt {
        let place = InternetSocketAddress(key.address ?? .unspecified(.v4), port: key.port)
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
        if isAhead {
            try check(
                setsockopt(
                    descriptor.raw, CInt(IPPROTO_IP), IP_FREEBIND, &yes, socklen_t(MemoryLayout<CInt>.size)),
                "bind ahead")
        }
        try check(place.withPointer { Glibc.bind(descriptor.raw, $0, $1) }, "bind \(place)/\(key.transport)")
        return descriptor.release()
    }
}
