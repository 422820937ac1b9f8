import HashTreeCollections
import Model

/// What two published ports may not have in common where they would meet: a number, or those of a row.
struct PortIdentity: Hashable {
    let transport: TransportProtocol?
    /// 0 for one that is still to be chosen.
    let number: Int
    /// Of a row the last; else the same.
    let last: Int

    init(transport: TransportProtocol?, number: Int) { self.init(transport: transport, number...number) }

    init(transport: TransportProtocol?, _ numbers: ClosedRange<Int>) {
        self.transport = transport
        number = numbers.lowerBound
        last = numbers.upperBound
    }

    init(_ port: PortConfig) {
        let number = port.publishedPort ?? 0
        self.init(transport: port.transport, port.publishedPorts ?? number...number)
    }

    var isRow: Bool { last > number }

    /// Whether any number is in both.
    func meets(_ other: PortIdentity) -> Bool {
        transport == other.transport && number <= other.last && other.number <= last
    }

    /// Each number of a row.
    fileprivate var each: some Sequence<PortIdentity> {
        (number...last).lazy.map { PortIdentity(transport: transport, number: $0) }
    }
}

/// Published ports, counted. There are many single ones, and few rows: what a port meets is found by its number and among all rows.
struct PortCounts: Sendable, Equatable {
    private var single = CountedSet<PortIdentity>()
    private var rows = CountedSet<PortIdentity>()

    init(_ ports: some Sequence<PortIdentity> = []) { for port in ports { insert(port) } }

    var isEmpty: Bool { single.isEmpty && rows.isEmpty }

    mutating func insert(_ port: PortIdentity) { if port.isRow { rows.insert(port) } else { single.insert(port) } }
    mutating func remove(_ port: PortIdentity) { if port.isRow { rows.remove(port) } else { single.remove(port) } }

    /// How many have a number in common with a port.
    func count(meeting port: PortIdentity) -> Int {
        var found = 0
        for row in rows.elements where row.meets(port) { found += rows.count(of: row) }
        if !port.isRow { return found + single.count(of: port) }
        if port.last - port.number < single.count {
            for one in port.each { found += single.count(of: one) }
        } else {
            for one in single.elements where one.meets(port) { found += single.count(of: one) }
        }
        return found
    }
}

/// Services by the ports that they have or ask for.
struct PortPublishers: Sendable, Equatable {
    private var single = Grouping<PortIdentity, Service>()
    private var rows = Grouping<PortIdentity, Service>()

    mutating func insert(_ object: SharedObject<Service>, at port: PortIdentity) {
        if port.isRow { rows.insert(object, at: port) } else { single.insert(object, at: port) }
    }

    mutating func remove(_ object: SharedObject<Service>, at port: PortIdentity) {
        if port.isRow { rows.remove(object, at: port) } else { single.remove(object, at: port) }
    }

    /// Those with a number in common, each once, in no order.
    func services(meeting port: PortIdentity) -> [Service] {
        var found: [String: Service] = [:]
        for row in rows.all.keys where row.meets(port) {
            for (id, object) in rows[row] { found[id] = object.value }
        }
        for one in port.each { for (id, object) in single[one] { found[id] = object.value } }
        return Array(found.values)
    }
}
