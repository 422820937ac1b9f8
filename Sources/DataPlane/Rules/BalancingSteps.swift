import Addressing
import Model
import Nftables

/// What has to change in a balancing table where one of its lists does: numbers that get another owner, come or go, and the chain that chooses among so
/// many.
struct BalancingSteps: Sendable {
    /// A list: `nil` where there is none.
    struct Change: Sendable {
        /// As nft writes it: an address, or a protocol and port.
        var key: String
        var old: [String]?
        var new: [String]?
    }

    let table: TableID
    /// Who has which number, and which chain chooses.
    let (members, entries): (String, String)
    let (memberLayout, entryLayout): (ElementLayout, ElementLayout)
    let balancing: Balancing
    let number: @Sendable (Int) -> String

    static let services = BalancingSteps(
        table: ServiceTable.id, members: "be", entries: "vip", memberLayout: ServiceTable.backendLayout,
        entryLayout: ServiceTable.addressLayout, balancing: ServiceTable.balancing, number: { "\($0)" })
    static let ports = BalancingSteps(
        table: IngressTable.id, members: "be", entries: "svc", memberLayout: IngressTable.backendLayout,
        entryLayout: IngressTable.portLayout, balancing: IngressTable.balancing, number: { "\($0)" })
    static let turns = BalancingSteps(
        table: NodeTable.id, members: "turns", entries: "published", memberLayout: NodeTable.turnLayout,
        entryLayout: IngressTable.portLayout, balancing: NodeTable.balancing, number: NodeTable.priority)

    /// - Parameter present: Numbers of members for which there is a chain.
    func steps(_ changes: [Change], present: Set<Int>) -> [TableStep] {
        var (gone, come): ([String], [String: String]) = ([], [:])
        var (closed, opened): ([String], [String: String]) = ([], [:])
        var chains: Set<Int> = []
        for change in changes {
            let (old, new) = (change.old ?? [], change.new ?? [])
            for place in 0..<max(old.count, new.count) {
                let (before, after) = (old.at(place), new.at(place))
                if before == after { continue }
                let key = "\(change.key) . \(number(place))"
                if before != nil { gone.append(key) }
                if let after { come[key] = after }
            }
            if change.old?.count == change.new?.count { continue }
            if change.old != nil { closed.append(change.key) }
            if change.new != nil {
                opened[change.key] = "goto n\(new.count)"
                if new.count > 0, !present.contains(new.count) { chains.insert(new.count) }
            }
        }
        var steps: [TableStep] = []
        if !closed.isEmpty { steps.append(.remove(table, set: entries, entryLayout, keys: closed)) }
        if !gone.isEmpty { steps.append(.remove(table, set: members, memberLayout, keys: gone)) }
        steps += chains.sorted().map { .chain(table, "n\($0)", count: $0, balancing) }
        if !come.isEmpty { steps.append(.add(table, set: members, memberLayout, come)) }
        if !opened.isEmpty { steps.append(.add(table, set: entries, entryLayout, opened)) }
        return steps
    }

    /// Of ports; backends of IPv4 alone.
    func steps(from old: [MeshPort], to new: [MeshPort]) -> [TableStep] {
        func lists(_ ports: [MeshPort]) -> [MeshPortKey: [MeshPort.Backend]] {
            Dictionary(ports.map { ($0.key, $0.backends) }) { first, _ in first }
        }
        let (before, after) = (lists(old), lists(new))
        let changes = Set(before.keys).union(after.keys).compactMap { key -> Change? in
            if before[key] == after[key] { return nil }
            func spelled(_ backends: [MeshPort.Backend]?) -> [String]? {
                backends?.filter { $0.address.family == .v4 }.map { "\($0.address) . \($0.port)" }
            }
            return Change(
                key: "\(key.transport) . \(key.number)", old: spelled(before[key]), new: spelled(after[key]))
        }
        return steps(changes, present: Set(before.values.map { $0.count { $0.address.family == .v4 } }))
    }
}

extension Array {
    /// `nil` beyond its end.
    fileprivate func at(_ place: Int) -> Element? { indices.contains(place) ? self[place] : nil }
}
