package import Addressing
import CLinux
import Glibc
package import LinuxSystem
import Synchronization

/// rtnetlink(7) of one network namespace: the one it was opened in. Calls block (below a millisecond as a rule), one at
/// a time; make them on a thread of ``onThread(_:)``.
package final class RouteSocket: Sendable {
    private let socket: Mutex<NetlinkSocket>

    /// In the calling thread's namespace.
    package init() throws { socket = Mutex(try NetlinkSocket(protocol: NETLINK_ROUTE)) }

    /// In `namespace`, or in the namespace this process was started in.
    package static func open(in namespace: NetworkNamespace?) async throws -> RouteSocket {
        guard let namespace else { return try await onThread { try RouteSocket() } }
        return try await namespace.run { try RouteSocket() }
    }

    /// By which the kernel knows it in its namespace.
    var port: UInt32 { socket.withLock { $0.port } }

    // MARK: changes

    /// Performs the requests in order, many in one system call. All are tried; the first that failed is thrown.
    package func perform(_ requests: [any NetlinkRequest]) throws {
        for error in try attempt(requests) { if let error { throw error } }
    }

    /// Performs one request.
    /// - Throws: ``NetlinkError`` when the kernel refuses, unless the request allows that.
    package func perform(_ request: any NetlinkRequest) throws { try perform([request]) }

    /// Performs the requests in order and tells of each how it ended (`nil`: well). Throws only when it could not talk to
    /// the kernel.
    package func attempt(_ requests: [any NetlinkRequest]) throws -> [NetlinkError?] {
        try socket.withLock { socket in
            var batch = Batch(count: requests.count)
            defer { batch.closeNamespaces() }
            for (position, request) in requests.enumerated() {
                try batch.add(request, at: position, &socket)
                for more in request.followUps { try batch.add(more, at: position, &socket) }
            }
            try batch.flush(&socket)
            return batch.errors
        }
    }

    // MARK: dumps

    /// All links, or those that fit. `statistics`: with counters.
    package func links(statistics: Bool = false, where fits: (Link) -> Bool = { _ in true }) throws -> [Link] {
        let request = GetLinks(statistics: statistics)
        return try dump("list links", Link.init, fits) { request.message(sequence: $0) }
    }

    /// One link; `nil` when there is none of this name.
    package func link(named name: String, statistics: Bool = false) throws -> Link? {
        try link(GetLinks(name: name, statistics: statistics), name)
    }

    /// One link; `nil` when there is none of this number.
    package func link(at index: UInt32) throws -> Link? { try link(GetLinks(index: index), "#\(index)") }

    private func link(_ request: GetLinks, _ what: String) throws -> Link? {
        do {
            return try socket.withLock { socket in
                try socket.ask(attempting: "get link \(what)") { request.message(sequence: $0) }
            }.lazy.compactMap { try Link($0) }.first
        } catch let error as NetlinkError where error.code == .missing {
            return nil
        }
    }

    /// All addresses of a family, or those that fit; their links are given by index, as in the other dumps.
    package func addresses(
        _ family: IPFamily = .v4, where fits: (LinkAddress) -> Bool = { _ in true }
    ) throws -> [LinkAddress] {
        try dump("list addresses", LinkAddress.init(_:), fits) { sequence in
            var writer = MessageWriter(type: MessageType.getAddress, flags: MessageFlags.request | MessageFlags.dump)
            writer.put(AddressFamily(family).rawValue)
            writer.put(zeros: LinkAddress.headerLength - 1)
            return writer.finished(sequence: sequence)
        }
    }

    /// All IPv4 routes, or those of one table; the kernel's `local` table is left out unless asked for.
    package func routes(table: UInt32? = nil) throws -> [Route] {
        try routes(addedBy: 0) { table == nil ? $0.table != Route.localTable : $0.table == table }
    }

    /// A family's routes of all tables that were added by `protocol`, 0: by anybody, and that fit. The kernel passes over the others'.
    package func routes(
        _ family: IPFamily = .v4, addedBy number: UInt8, where fits: (Route) -> Bool = { _ in true }
    ) throws -> [Route] {
        try dump("list routes", Route.init(_:), fits) { sequence in
            var writer = MessageWriter(type: MessageType.getRoute, flags: MessageFlags.request | MessageFlags.dump)
            Route.header(family, protocol: number, into: &writer)
            return writer.finished(sequence: sequence)
        }
    }

    /// All rules of a family that lead to a table, or those that fit.
    package func rules(_ family: IPFamily = .v4, where fits: (Rule) -> Bool = { _ in true }) throws -> [Rule] {
        try dump("list rules", Rule.init, fits) { sequence in
            var writer = MessageWriter(type: MessageType.getRule, flags: MessageFlags.request | MessageFlags.dump)
            writer.put(AddressFamily(family).rawValue)
            writer.put(zeros: Rule.headerLength - 1)
            return writer.finished(sequence: sequence)
        }
    }

    /// All neighbours of a family, learnt ones included, or those that fit; proxy entries are not.
    package func neighbours(
        _ family: IPFamily = .v4, where fits: (Neighbour) -> Bool = { _ in true }
    ) throws -> [Neighbour] {
        try dump("list neighbours", Neighbour.init(_:), fits) {
            Neighbour.dumpMessage(AddressFamily(family), sequence: $0)
        }
    }

    /// All rows of bridges' and VXLAN devices' forwarding tables, or those that fit.
    package func forwardingEntries(where fits: (ForwardingEntry) -> Bool = { _ in true }) throws -> [ForwardingEntry] {
        try dump("list forwarding entries", ForwardingEntry.init(_:), fits) {
            Neighbour.dumpMessage(.bridge, sequence: $0)
        }
    }

    /// What does not fit is not kept, however much there is.
    private func dump<Row: Sendable>(
        _ attempting: String, _ decode: (NetlinkMessage) throws -> Row?, _ fits: (Row) -> Bool,
        _ make: (UInt32) -> [UInt8]
    ) throws -> [Row] {
        try socket.withLock { socket in
            try socket.dump(attempting: attempting, make) { try decode($0).flatMap { fits($0) ? $0 : nil } }.rows
        }
    }

    // MARK: namespace ids

    /// The id under which this namespace knows another (ip-netns(8)); `nil` when it has given it none.
    package func namespaceID(of namespace: NetworkNamespace) throws -> Int32? {
        let file = try namespace.open()
        let messages = try socket.withLock { socket in
            try socket.ask(attempting: "get id of \(namespace.path)") { sequence in
                var writer = MessageWriter(type: MessageType.getNamespaceID, flags: MessageFlags.request)
                writer.put(UInt32(0))
                writer.number(NamespaceAttribute.descriptor, UInt32(bitPattern: file.raw))
                return writer.finished(sequence: sequence)
            }
        }
        let id = try messages.first?.parts(fixed: 1).attributes.number(NamespaceAttribute.id, as: Int32.self)
        return id.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// The same, giving it one if it has none: only then are its events heard here.
    package func ensureNamespaceID(of namespace: NetworkNamespace) throws -> Int32 {
        if let id = try namespaceID(of: namespace) { return id }
        // The kernel may have given one in between.
        try perform(AssignNamespaceID(namespace: namespace).allowing(.exists))
        guard let id = try namespaceID(of: namespace) else {
            throw NetlinkError(code: .missing, attempting: "get id of \(namespace.path)")
        }
        return id
    }
}

private struct AssignNamespaceID: NetlinkRequest {
    let namespace: NetworkNamespace
    var type: UInt16 { MessageType.newNamespaceID }
    var flags: UInt16 { 0 }
    var namespaces: [NetworkNamespace] { [namespace] }
    var description: String { "give \(namespace.path) an id" }

    func encode(into message: inout MessageWriter, _ context: EncodingContext) {
        message.put(UInt32(0))
        message.number(NamespaceAttribute.descriptor, context.descriptor(of: namespace))
        message.number(NamespaceAttribute.id, Int32(-1))
    }
}

/// Requests on their way: encoded, sent when there are enough or when a name must be looked up.
private struct Batch {
    private struct Pending {
        let position: Int
        let sequence: UInt32
        let bytes: [UInt8]
        let request: any NetlinkRequest
    }

    private(set) var errors: [NetlinkError?]
    private var context = EncodingContext()
    private var pending: [Pending] = []
    private var size = 0

    init(count: Int) { errors = Array(repeating: nil, count: count) }

    mutating func add(_ request: any NetlinkRequest, at position: Int, _ socket: inout NetlinkSocket) throws {
        do {
            for link in request.links { try resolve(link, for: request, &socket) }
        } catch let error as NetlinkError where error.code == .missing {
            record(error, of: request, at: position)
            return
        }
        for namespace in request.namespaces where context.descriptors[namespace] == nil {
            do {
                context.descriptors[namespace] = try namespace.open().release()
            } catch {
                record(NetlinkError(refused: error.errno, attempting: "\(request)"), of: request, at: position)
                return
            }
        }
        let sequence = socket.nextSequence()
        let bytes = request.message(sequence: sequence, context)
        if pending.count >= NetlinkSocket.batchMessages || size + bytes.count > NetlinkSocket.batchBytes {
            try flush(&socket)
        }
        pending.append(Pending(position: position, sequence: sequence, bytes: bytes, request: request))
        size += bytes.count
        // A name may mean another link from here on.
        if request.type == MessageType.newLink || request.type == MessageType.deleteLink
            || request.type == MessageType.setLink
        {
            context.indexes = [:]
        }
    }

    private mutating func resolve(_ link: LinkID, for request: any NetlinkRequest, _ socket: inout NetlinkSocket) throws
    {
        guard case .name(let name) = link, context.indexes[link] == nil else { return }
        try flush(&socket)
        let ask = GetLinks(name: name)
        let found = try socket.ask(attempting: "\(request)") { ask.message(sequence: $0) }
        guard let index = try found.lazy.compactMap({ try Link($0) }).first?.index else {
            throw NetlinkError(refused: ENODEV, attempting: "\(request)", message: "no link \(name)")
        }
        context.indexes[link] = index
    }

    mutating func flush(_ socket: inout NetlinkSocket) throws {
        guard let first = pending.first else { return }
        defer {
            pending = []
            size = 0
        }
        let what = pending.count == 1 ? "\(first.request)" : "\(first.request) and \(pending.count - 1) more"
        let answers = try socket.exchange(pending.map { ($0.sequence, $0.bytes) }, attempting: what)
        for item in pending {
            guard let answer = answers[item.sequence], answer.errno != 0 else { continue }
            let error = NetlinkError(refused: answer.errno, attempting: "\(item.request)", message: answer.message)
            record(error, of: item.request, at: item.position)
        }
    }

    private mutating func record(_ error: NetlinkError, of request: any NetlinkRequest, at position: Int) {
        if !request.allowed.contains(error.code), errors[position] == nil { errors[position] = error }
    }

    mutating func closeNamespaces() {
        for descriptor in context.descriptors.values { close(descriptor) }
        context.descriptors = [:]
    }
}
