import Addressing
import Model
import Nftables

/// What has to change in a balancing table where one of its lists does: numbers that get another owner, come or go, and the chain that chooses among so
/// many, where another one does.
struct BalancingSteps: Sendable {
    /// Of a list: only what differs is spelled out.
    struct Change: Sendable {
        /// As nft writes it: an address, or a protocol and port.
        let key: String
        /// How many there were, and how many there are to be; `nil` where there is no list.
        let (old, new): (Int?, Int?)
        /// Numbers that get another owner, or lose the one that they have.
        let numbers: [(number: Int, isTaken: Bool, owner: String?)]

        init<Member: Equatable>(key: String, old: [Member]?, new: [Member]?, spelled: (Member) -> String) {
            self.key = key
            (self.old, self.new) = (old?.count, new?.count)
            let (before, after) = (old ?? [], new ?? [])
            numbers = (0..<max(before.count, after.count)).compactMap { number in
                let owner = after.at(number)
                if before.at(number) == owner { return nil }
                return (number, number < before.count, owner.map(spelled))
            }
        }
    }

    let family: IPFamily
    let table: TableID
    /// Who has which number, and which chain chooses.
    let (members, entries): (String, String)
    let (memberLayout, entryLayout): (ElementLayout, ElementLayout)
    let balancing: Balancing
    let number: @Sendable (Int) -> String

    static func services(_ family: IPFamily) -> BalancingSteps {
        BalancingSteps(
            family: family, table: ServiceTable.id(of: family), members: "be", entries: "vip",
            memberLayout: ServiceTable.backendLayout(of: family), entryLayout: ServiceTable.addressLayout(of: family),
            balancing: ServiceTable.balancing(of: family), number: { "\($0)" })
    }
    static func ports(_ family: IPFamily) -> BalancingSteps {
        BalancingSteps(
            family: family, table: IngressTable.id(of: family), members: "be", entries: "svc",
            memberLayout: IngressTable.backendLayout(of: family), entryLayout: IngressTable.portLayout,
            balancing: IngressTable.balancing(of: family), number: { "\($0)" })
    }
    static func nodePorts(_ family: IPFamily) -> BalancingSteps {
        BalancingSteps(
            family: family, table: NodeTable.id(of: family), members: "turns", entries: "published",
            memberLayout: NodeTable.backendLayout(of: family), entryLayout: IngressTable.portLayout,
            balancing: NodeTable.balancing(of: family), number: NodeTable.priority)
    }

    /// - Parameter present: Numbers of members for which there is a chain.
    func steps(_ changes: [Change], present: Set<Int>) -> [TableStep] {
        let rooms = Set(present.map { balancing.room(for: $0) })
        return steps(changes) { rooms.contains($0) }
    }

    /// - Parameter hasChain: Whether there is a chain with room for so many.
    private func steps(_ changes: [Change], _ hasChain: (Int) -> Bool) -> [TableStep] {
        var (gone, come): ([String], [String: String]) = ([], [:])
        var (closed, opened): ([String], [String: String]) = ([], [:])
        var chains: Set<Int> = []
        for change in changes {
            for (place, isTaken, owner) in change.numbers {
                let key = "\(change.key) . \(number(place))"
                if isTaken { gone.append(key) }
                if let owner { come[key] = owner }
            }
            // One chain does for both: what chooses stays as it is.
            let (before, after) = (change.old.map(balancing.room(for:)), change.new.map(balancing.room(for:)))
            if before == after { continue }
            if change.old != nil { closed.append(change.key) }
            if let count = change.new {
                opened[change.key] = "goto \(balancing.name(of: count))"
                let room = balancing.room(for: count)
                if room > 0, !hasChain(room) { chains.insert(room) }
            }
        }
        var steps: [TableStep] = []
        if !closed.isEmpty { steps.append(.remove(table, set: entries, entryLayout, keys: closed)) }
        if !gone.isEmpty { steps.append(.remove(table, set: members, memberLayout, keys: gone)) }
        steps += chains.sorted().map { .chain(table, balancing.name(of: $0), count: $0, balancing) }
        if !come.isEmpty { steps.append(.add(table, set: members, memberLayout, come)) }
        if !opened.isEmpty { steps.append(.add(table, set: entries, entryLayout, opened)) }
        return steps
    }

    /// Of ports that are other, come or go; of their backends those of the family.
    /// - Parameter tables: What the namespace has; its chains may be more than those that are led to.
    func steps(_ ports: [(old: MeshPort?, new: MeshPort?)], in tables: [Table]) -> [TableStep] {
        func list(_ port: MeshPort?) -> [MeshPort.Backend]? {
            port.map { $0.backends.filter { $0.address.family == family } }
        }
        let changes = ports.compactMap { old, new -> Change? in
            guard let key = (new ?? old)?.key else { return nil }
            let (before, after) = (list(old), list(new))
            if before == after { return nil }
            return Change(key: "\(key.transport) . \(key.number)", old: before, new: after) {
                "\($0.address) . \($0.port)"
            }
        }
        let chains = tables.first { $0.id == table }?.chains ?? [:]
        return steps(changes) { chains[balancing.name(of: $0)] != nil }
    }
}

extension Array {
    /// `nil` beyond its end.
    fileprivate func at(_ place: Int) -> Element? { indices.contains(place) ? self[place] : nil }
}
