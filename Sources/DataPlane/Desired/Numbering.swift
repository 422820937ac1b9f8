import Addressing
import Model

/// How what stands behind an address or a port is numbered: by its place in a list. A connection chooses a number, so there are no gaps.
///
/// Numbers are kept: what comes gets the next one; where something goes, what had the last number takes its place. So one that comes or goes costs
/// one or two elements of the rules, however many there are.
enum Numbering {
    /// Adds one that is not there.
    static func add<Member: Equatable>(_ member: Member, to members: inout [Member]) -> Bool {
        if members.contains(member) { return false }
        members.append(member)
        return true
    }

    /// Takes one away; false when it is not there.
    static func remove<Member: Equatable>(_ member: Member, from members: inout [Member]) -> Bool {
        guard let place = members.firstIndex(of: member), let last = members.popLast() else { return false }
        if place < members.count { members[place] = last }
        return true
    }

    /// The same members, each as often as it is there, with the numbers that they had, as far as those are still in use.
    static func keep<Member: Hashable>(_ members: [Member], like old: [Member]) -> [Member] {
        if members == old || old.isEmpty { return members }
        var counts: [Member: Int] = [:]
        for member in members { counts[member, default: 0] += 1 }
        func take(_ member: Member) -> Bool {
            guard let count = counts[member], count > 0 else { return false }
            counts[member] = count - 1
            return true
        }
        var places: [Member?] = old.prefix(members.count).map { take($0) ? $0 : nil }
        var rest = members.filter(take).makeIterator()
        for place in places.indices where places[place] == nil { places[place] = rest.next() }
        return places.compactMap { $0 } + Array(IteratorSequence(rest))
    }
}

extension OverlayNetwork {
    /// With the numbers that the tasks behind service addresses had.
    func numbered(like old: OverlayNetwork?) -> OverlayNetwork {
        guard let old, old.tasks != tasks else { return self }
        var numbered = self
        for (address, members) in tasks {
            if let before = old.tasks[address] { numbered.tasks[address] = Numbering.keep(members, like: before) }
        }
        return numbered
    }
}

extension IngressSandbox {
    /// With the numbers that the tasks behind ports had.
    func numbered(like old: IngressSandbox?) -> IngressSandbox {
        guard let old, old.ports != ports else { return self }
        var numbered = self
        numbered.ports = ports.numbered(like: old.ports)
        return numbered
    }
}

extension [MeshPort] {
    /// With the numbers that the backends had.
    func numbered(like old: [MeshPort]) -> [MeshPort] {
        if self == old { return self }
        let before = Dictionary(old.map { ($0.key, $0.backends) }) { first, _ in first }
        return map { port in
            guard let members = before[port.key] else { return port }
            return port.numbered(like: members)
        }
    }
}

extension MeshPort {
    /// With the numbers that the backends of a port had.
    func numbered(like old: MeshPort) -> MeshPort { numbered(like: old.backends) }

    /// By source, every node is to have the same numbers.
    fileprivate func numbered(like members: [Backend]) -> MeshPort {
        if reach?.isBySource == true { return self }
        var port = self
        port.backends = Numbering.keep(backends, like: members)
        return port
    }
}

extension NodeNetwork {
    /// With the numbers that the same things had in another network.
    func numbered(like old: NodeNetwork) -> NodeNetwork {
        var numbered = self
        numbered.ingress = ingress?.numbered(like: old.ingress)
        let before = Dictionary(old.overlays.map { ($0.id, $0) }) { first, _ in first }
        numbered.overlays = overlays.map { $0.numbered(like: before[$0.id]) }
        return numbered
    }
}
