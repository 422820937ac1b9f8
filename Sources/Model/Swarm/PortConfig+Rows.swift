/// Rows of ports: a service that publishes thousands is kept, told of and led with one of these for all that stand in a row.
extension PortConfig {
    /// What a port's number may be, where it is known.
    fileprivate static let numbers = 1...65_535

    /// How many ports it is about.
    package var count: Int { max(1, inRow ?? 1) }
    /// Numbers on nodes; `nil` where they are still to be chosen, and beyond what a port's number may be.
    package var publishedPorts: ClosedRange<Int>? {
        guard let publishedPort, Self.numbers.contains(publishedPort), count <= 65_536 - publishedPort else {
            return nil
        }
        return publishedPort...(publishedPort + count - 1)
    }

    /// Whether it leads a port of a node where another one leads it.
    package func covers(_ other: PortConfig) -> Bool {
        guard (transport, isOnMesh) == (other.transport, other.isOnMesh), Self.numbers.contains(targetPort),
            Self.numbers.contains(other.targetPort), other.targetPort >= targetPort,
            other.targetPort - targetPort < count
        else { return false }
        guard let asked = other.publishedPort, asked != 0 else { return true }
        guard let publishedPort else { return false }
        return publishedPort != 0 && Self.numbers.contains(publishedPort)
            && asked == publishedPort + (other.targetPort - targetPort)
    }

    /// Each of a row by itself; one that has no room is what its numbers say, and refused by who checks them.
    package var single: [PortConfig] {
        guard let inRow else { return [self] }
        var first = self
        first.inRow = nil
        guard inRow > 1, publishedPorts != nil, Self.numbers.contains(targetPort), count <= 65_536 - targetPort else {
            return [first]
        }
        return (0..<count).map { offset in
            var one = first
            one.targetPort = targetPort + offset
            one.publishedPort = publishedPort.map { $0 + offset }
            return one
        }
    }
}

extension Service {
    /// With rows in the place of ports that stand in a row, in all that it keeps.
    package mutating func joinPorts() { changePorts { $0.joined } }

    /// With each port by itself, in all that it keeps.
    package mutating func separatePorts() { changePorts { $0.single } }

    private mutating func changePorts(_ change: ([PortConfig]) -> [PortConfig]) {
        func changed(_ endpoint: EndpointSpec?) -> EndpointSpec? {
            guard var endpoint, let ports = endpoint.ports else { return endpoint }
            endpoint.ports = change(ports)
            return endpoint
        }
        spec.endpointSpec = changed(spec.endpointSpec)
        if var previous = previousSpec {
            previous.endpointSpec = changed(previous.endpointSpec)
            previousSpec = previous
        }
        endpoint.spec = changed(endpoint.spec)
        if let ports = endpoint.ports { endpoint.ports = change(ports) }
    }
}

extension [PortConfig] {
    /// Each of all rows by itself.
    package var single: [PortConfig] { contains { $0.inRow != nil } ? flatMap(\.single) : self }

    /// How many ports these are.
    package var total: Int { reduce(0) { $0 + Swift.min($1.count, 65_536) } }

    /// With rows in the place of those that stand in a row and are the same otherwise, at the place of the first of them. What is not in a row stays
    /// where it is.
    package var joined: [PortConfig] {
        guard count >= PortRow.least else { return self }
        var places: [RowKind: [Int]] = [:]
        for (place, port) in enumerated() where port.inRow == nil {
            // What is no port's number is in no row, and refused by who checks it.
            guard let published = port.publishedPort, PortConfig.numbers.contains(published),
                PortConfig.numbers.contains(port.targetPort)
            else { continue }
            var rest = port
            (rest.targetPort, rest.publishedPort) = (0, nil)
            places[RowKind(rest: rest, distance: published - port.targetPort), default: []].append(place)
        }
        var lengths: [Int: Int] = [:]
        var inside: Set<Int> = []
        for unsorted in places.values where unsorted.count >= PortRow.least {
            let sorted = unsorted.sorted { self[$0].targetPort < self[$1].targetPort }
            let runs = PortRow.runs(sorted.count) { self[sorted[$1]].targetPort - self[sorted[$0]].targetPort == 1 }
            for run in runs where run.count >= PortRow.least {
                lengths[sorted[run.lowerBound]] = run.count
                inside.formUnion(sorted[run].dropFirst())
            }
        }
        return enumerated().compactMap { place, port in
            if inside.contains(place) { return nil }
            var port = port
            if let length = lengths[place] { port.inRow = length }
            return port
        }
    }
}

/// What ports of one row have in common: all but their numbers, and how far these are from each other.
private struct RowKind: Hashable {
    let rest: PortConfig
    let distance: Int
}
