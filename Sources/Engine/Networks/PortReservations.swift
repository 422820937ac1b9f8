import Addressing
import DataPlane
import Glibc
package import LinuxSystem
package import Model
import Synchronization

/// Keeps a bound, never listening socket for every published port of the node, so that a second user hears "address
/// already in use" at creation, and no program of the node is robbed of its port silently.
///
/// A row of ports has a socket for each, as nothing else keeps programs of the node from a port (`ip_local_reserved_ports` is about those that ask for
/// any). Of a row of more than ``mostHeld`` it is only looked whether somebody has one when it is taken: as many sockets would be the greater part of what a
/// process may open. A program that binds one of these later hears nothing, and gets nothing either.
package final class PortReservations: PortReserving {
    /// Where Docker looks for a port when it may choose: the kernel's usual range of ephemeral ports.
    package static let choice: ClosedRange<UInt16> = 49153...65535

    /// Rows of more ports are looked at, and not held by sockets.
    package static let mostHeld = 1024

    private struct Key: Hashable {
        let transport: TransportProtocol
        /// An unspecified one: all of its family.
        let address: IPAddress
        let port: UInt16
        /// Of a row that is not held by sockets; else the same.
        let last: UInt16

        init(_ port: PublishedPort) {
            transport = port.transport
            address = port.calledAddress
            self.port = port.hostPort
            last = port.hostPorts.upperBound
        }

        private init(_ row: Key, at port: UInt16) {
            (transport, address, self.port, last) = (row.transport, row.address, port, port)
        }

        var isRow: Bool { last > port }
        /// Each of a row.
        var each: [Key] { isRow ? (port...last).map { Key(self, at: $0) } : [self] }

        /// Whether both cannot be had.
        func meets(_ other: Key) -> Bool {
            port <= other.last && other.port <= last && address.family == other.address.family
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
        /// Few.
        private var rows: Set<Key> = []
        /// What programs of the node have of what owners are to have: no other owner gets it. What another owner has or waits for is not waited for:
        /// each would keep it from the other.
        var awaited: [String: Set<Key>] = [:]
        /// What owners have all of that they were to have last, as it was asked for: rows are not looked through again.
        var settled: [String: [HostPort]] = [:]

        mutating func add(_ key: Key, _ one: Held) {
            all[key] = one
            byOwner[one.owner, default: []].insert(key)
            if key.isRow {
                rows.insert(key)
                return
            }
            byNumber[Number(transport: key.transport, port: key.port), default: []].insert(key)
        }

        mutating func remove(_ key: Key) -> CInt? {
            guard let one = all.removeValue(forKey: key) else { return nil }
            settled[one.owner] = nil
            byOwner[one.owner]?.remove(key)
            if byOwner[one.owner]?.isEmpty == true { byOwner[one.owner] = nil }
            rows.remove(key)
            let number = Number(transport: key.transport, port: key.port)
            byNumber[number]?.remove(key)
            if byNumber[number]?.isEmpty == true { byNumber[number] = nil }
            return one.socket
        }

        func isAwaited(_ key: Key, exceptBy owner: String) -> Bool {
            awaited.contains { other, keys in
                other != owner && keys.contains { $0.transport == key.transport && $0.meets(key) }
            }
        }

        /// Of a single one: at that address, or where one of both means every address.
        func isTaken(_ key: Key) -> Bool {
            if rows.contains(where: { $0.transport == key.transport && $0.meets(key) }) { return true }
            return byNumber[Number(transport: key.transport, port: key.port)]?.contains { $0.meets(key) } == true
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
        try await inNamespace { [self] in try take(requests, owner, endpoint, isLax: false) }
    }

    /// The same for a container whose ways out may be others than when it took its ports: what it has beside is given back. What none of the requests
    /// can mean goes first, as it may be in the way of the rest, and is taken again where that cannot be had.
    /// - Parameter isLax: What cannot be had is left out.
    package func exchange(
        _ requests: [Request], owner: String, endpoint: (name: String, id: String), isLax: Bool
    ) async throws -> [HostPort] {
        try await inNamespace { [self] in
            let stale = (book.withLock { $0.byOwner[owner] ?? [] }).filter { key in
                !requests.contains { Self.mayMean($0, key) }
            }
            drop(stale)
            do {
                let ports = try take(requests, owner, endpoint, isLax: isLax)
                let wanted = Set(
                    ports.flatMap { $0.published.hostPorts.count > Self.mostHeld ? [$0] : $0.single }.map {
                        Key($0.published)
                    })
                let beside = book.withLock { book in
                    let awaited = book.awaited[owner]?.intersection(wanted) ?? []
                    book.awaited[owner] = awaited.isEmpty ? nil : awaited
                    return (book.byOwner[owner] ?? []).subtracting(wanted)
                }
                drop(beside)
                return ports
            } catch {
                for key in stale {
                    let port = PublishedPort(
                        transport: key.transport, hostAddress: key.address, hostPort: key.port,
                        containerPort: key.port, count: Int(clamping: key.last - key.port) + 1)
                    // One that a program has taken in this moment is told of by the next pass that holds ports.
                    _ = try? take(HostPort(port, to: key.address), owner, isAhead: true)
                }
                throw error
            }
        }
    }

    /// Whether what is held may be what is asked for.
    private static func mayMean(_ request: Request, _ key: Key) -> Bool {
        let (last, isBeyond) = request.first.addingReportingOverflow(UInt16(clamping: request.count - 1))
        let numbers = request.first == 0 ? choice : request.first...max(isBeyond ? .max : last, request.last)
        return numbers.contains(key.port)
            && request.ports(at: key.port).contains {
                $0.published.transport == key.transport && $0.published.calledAddress == key.address
            }
    }

    /// In the calling thread's namespace: all or none, unless what cannot be had may be left out.
    private func take(
        _ requests: [Request], _ owner: String, _ endpoint: (name: String, id: String), isLax: Bool
    ) throws -> [HostPort] {
        var taken: [Key] = []
        var ports: [HostPort] = []
        var sofar: Set<Key> = []
        for request in requests {
            let before = taken.count
            do {
                guard let parts = request.parts else { throw PortRefusal.noneFree }
                for one in parts {
                    let (found, new) = try take(one, owner, sofar)
                    taken += new
                    sofar.formUnion(found.map { Key($0.published) })
                    if parts.count == 1 { ports += found }
                }
                if parts.count > 1 { ports += request.ports(at: request.first) }
            } catch let refusal as PortRefusal {
                drop(taken[(isLax ? before : 0)...])
                if isLax {
                    taken.removeSubrange(before...)
                    continue
                }
                throw PortError.notPublished(endpoint: endpoint.name, id: endpoint.id, reason: refusal)
            } catch {
                drop(taken)
                throw error
            }
        }
        return ports
    }

    private func inNamespace<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        if let namespace { return try await namespace.run(work) }
        return try await onThread(work)
    }

    package func release(_ owner: String) {
        let keys = book.withLock { book in
            book.awaited[owner] = nil
            return book.byOwner[owner] ?? []
        }
        drop(keys)
    }

    package func hold(_ ports: [HostPort], owner: String, isAhead: Bool) async throws -> [HostPort] {
        if book.withLock({ $0.settled[owner] == ports }) { return [] }
        let single = ports.flatMap { $0.published.hostPorts.count > Self.mostHeld ? [$0] : $0.single }
        let wanted = Set(single.map { Key($0.published) })
        // What is waited for is nobody else's until it is had.
        let (present, awaited) = book.withLock { book in
            let awaited = book.awaited[owner]?.intersection(wanted) ?? []
            book.awaited[owner] = awaited.isEmpty ? nil : awaited
            return (book.byOwner[owner] ?? [], awaited)
        }
        drop(present.subtracting(wanted))
        let missing = single.filter { !present.contains(Key($0.published)) }
        // A row of which a program has one is not looked through again, as long as it is the same.
        func isKnown(_ port: HostPort) -> Bool {
            let key = Key(port.published)
            return key.isRow && awaited.contains(key)
        }
        let more = try await holdMore(missing.filter { !isKnown($0) }, owner: owner, isAhead: isAhead)
        let refused = missing.filter(isKnown) + more
        if refused.isEmpty { book.withLock { $0.settled[owner] = ports.isEmpty ? nil : ports } }
        return refused
    }

    package func holdMore(_ ports: [HostPort], owner: String, isAhead: Bool) async throws -> [HostPort] {
        if ports.isEmpty { return [] }
        return try await inNamespace { [self] in
            var awaited: Set<Key> = []
            let refused = ports.filter { port in
                do {
                    _ = try take(
                        Request(
                            transport: port.published.transport, hostAddress: port.published.calledAddress,
                            first: port.published.hostPort, targetAddress: port.target,
                            targetPort: port.published.containerPort, count: port.published.hostPorts.count), owner,
                        [], isAhead: isAhead, isHolding: true)
                    return false
                } catch {
                    // Told to the caller as a port that others have.
                    if let refusal = error as? PortRefusal, case .notBound = refusal {
                        awaited.insert(Key(port.published))
                    }
                    return true
                }
            }
            let tried = Set(ports.map { Key($0.published) })
            book.withLock { [awaited] book in
                let all = (book.awaited[owner] ?? []).subtracting(tried).union(awaited)
                book.awaited[owner] = all.isEmpty ? nil : all
            }
            return refused
        }
    }

    package var owners: Set<String> { book.withLock { Set($0.byOwner.keys).union($0.awaited.keys) } }

    private func drop(_ keys: some Sequence<Key>) {
        let sockets = book.withLock { book in keys.compactMap { book.remove($0) } }
        for socket in sockets where socket >= 0 { close(socket) }
    }

    /// In the calling thread's namespace.
    /// - Returns: What is had, of which some may have been before.
    /// - Throws: ``PortRefusal`` when no port that will do can be had.
    private func take(
        _ request: Request, _ owner: String, _ sofar: Set<Key>, isAhead: Bool = false, isHolding: Bool = false
    ) throws -> (ports: [HostPort], new: [Key]) {
        let candidates = request.first == 0 ? Self.choice : request.first...max(request.first, request.last)
        let kept = request.kept.flatMap { candidates.contains($0) ? $0...$0 : nil }
        var refusal = PortRefusal.noneFree
        for number in [kept, candidates].compactMap({ $0 }).joined() {
            let ports = request.ports(at: number)
            let mine = ports.map { Key($0.published) }.filter { key in book.withLock { $0.all[key]?.owner == owner } }
            if mine.contains(where: sofar.contains) { continue }
            var new: [Key] = []
            do {
                for port in ports {
                    if let key = try take(port, owner, isAhead: isAhead, isHolding: isHolding) { new.append(key) }
                }
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

    /// - Parameter isHolding: Also what the owner waits for is to be had; else it counts as had, since its rules are there.
    /// - Returns: `nil` where the owner has it already.
    private func take(_ port: HostPort, _ owner: String, isAhead: Bool, isHolding: Bool = false) throws -> Key? {
        let key = Key(port.published)
        let isHad = book.withLock { book in
            book.all[key]?.owner == owner || (!isHolding && book.awaited[owner]?.contains(key) == true)
        }
        if isHad { return nil }
        // Before the first socket: what another has of a row may be asked for at each pass.
        let others = book.withLock { book in
            key.each.first { book.isTaken($0) || book.isAwaited($0, exceptBy: owner) }
        }
        if let others { throw PortRefusal.allocated(address: others.address, port: others.port) }
        var socket: CInt = -1
        for (one, place) in zip(key.each, port.single) {
            do { socket = try Self.bind(one, isAhead: isAhead) } catch let error as SystemError
                where error.errno == EADDRINUSE || error.errno == EADDRNOTAVAIL
            {
                throw PortRefusal.notBound(
                    address: one.address, port: one.port, target: place.target,
                    targetPort: place.published.containerPort, transport: one.transport,
                    reason: error.errno == EADDRINUSE ? .addressInUse : .addressNotAvailable)
            }
            guard key.isRow else { break }
            if socket >= 0 { close(socket) }
            socket = -1
        }
        let held = Held(owner: owner, socket: socket)
        book.withLock { book in
            book.add(key, held)
            book.settled[owner] = nil
        }
        return key
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
