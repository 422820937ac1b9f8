import Crypto

/// A table's family and name, as nft writes them.
package struct TableID: Hashable, Sendable, CustomStringConvertible {
    /// Which packets a table's chains see (nft(8), "ADDRESS FAMILIES").
    package enum Family: String, Sendable { case ip, ip6, inet, arp, bridge, netdev }

    package let family: Family
    package let name: String

    package init(_ family: Family, _ name: String) {
        self.family = family
        self.name = name
    }

    package var description: String { "\(family.rawValue) \(name)" }
}

/// A wanted table: a skeleton that is replaced as a whole, and what is changed piece by piece.
package struct Table: Equatable, Sendable {
    package let id: TableID
    /// Sets, maps and chains in nft's language, without the braces of the table.
    package let skeleton: String
    /// Chains beyond the skeleton's, by name: the text of their rules. Elements may lead to them.
    package var chains: [String: String]
    /// Contents of the skeleton's sets and maps. Elements are added in this order of the sets, removed in reverse.
    package var sets: [ElementSet]
    /// What the chains do that are named by a number.
    package let balancing: Balancing?
    /// Links that the skeleton hooks itself to: they must be there when it is loaded.
    package let devices: [String]
    /// What others put in is theirs: chains that are missing are made, and nothing else is looked at, changed or taken away.
    package let isShared: Bool

    package init(
        _ id: TableID, skeleton: String, chains: [String: String] = [:], balancing: Balancing? = nil,
        sets: [ElementSet] = [], devices: [String] = [], isShared: Bool = false
    ) {
        self.isShared = isShared
        self.id = id
        self.skeleton = skeleton
        self.chains = chains
        self.balancing = balancing
        self.sets = sets
        self.devices = devices
    }

    /// Names, in the order in which the text declares them.
    package var skeletonChains: [String] {
        skeleton.split(separator: "\n").filter { $0.hasPrefix("chain ") }.compactMap { line in
            line.split(separator: " ").dropFirst().first.map(String.init)
        }
    }

    /// What the table's comment says: equal when the skeletons are.
    package var tag: String {
        let digest = SHA256.hash(data: Array(skeleton.utf8))
        return "apus:" + digest.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Replaces whatever is there by this table, in one transaction.
    ///
    /// Elements stand within the table's braces: commands that add or delete elements make libnftables read the sets of ranges of
    /// all tables in the namespace first, whosever they are.
    package var replacement: String {
        var text = "table \(id)\ndelete table \(id)\ntable \(id) {\ncomment \"\(tag)\"\n"
        var rest = sets.filter { !$0.elements.isEmpty }
        for line in skeleton.split(separator: "\n", omittingEmptySubsequences: false) {
            guard let index = rest.firstIndex(where: { $0.isDeclared(by: line) }) else {
                text += line + "\n"
                continue
            }
            text += rest.remove(at: index).declared(by: line) + "\n"
        }
        for (name, rules) in chains.sorted(by: { $0.key < $1.key }) { text += "chain \(name) {\n\(rules)\n}\n" }
        text += "}\n"
        // What is declared over several lines.
        for set in rest { text += set.adding(set.elements, to: id) }
        return text
    }

    /// Without the elements that ``filling`` adds.
    package var emptied: Table {
        var table = self
        for place in sets.indices where sets[place].layout != nil { table.sets[place].elements = [:] }
        return table
    }

    /// The elements that need no language, as steps.
    package var filling: [TableStep] {
        sets.compactMap { set in
            guard let layout = set.layout, !set.elements.isEmpty else { return nil }
            return .add(id, set: set.name, layout, set.elements)
        }
    }

    /// Chains, elements and whatever else there is to count, at a guess.
    package var size: Int {
        skeleton.utf8.count(where: { $0 == UInt8(ascii: "\n") }) + chains.count * 4
            + sets.reduce(0) { $0 + $1.elements.count }
    }

    func chainText(_ name: String, _ rules: String) -> String {
        "add chain \(id) \(name)\nflush chain \(id) \(name)\n"
            + rules.split(separator: "\n").map { "add rule \(id) \(name) \($0)\n" }.joined()
    }
}

/// What one of the skeleton's sets or maps is to have; whatever else is found in it is taken out, unless the table is shared.
package struct ElementSet: Equatable, Sendable {
    package let name: String
    /// Positions in the key that are names of interfaces, which nft wants in quotes.
    package let nameFields: Set<Int>
    /// What goes is taken away in the transaction that brings what comes, never before: there is no moment without.
    package let isExchanged: Bool
    /// What elements are put together of; `nil` for what only nft's language says, as ranges.
    package let layout: ElementLayout?
    /// Key to value as nft writes them: `tcp . 80` to `10.0.0.1 . 80`; the value is empty in a set.
    package var elements: [String: String]

    package init(
        _ name: String, layout: ElementLayout? = nil, nameFields: Set<Int> = [], isExchanged: Bool = false,
        elements: [String: String] = [:]
    ) {
        self.name = name
        self.layout = layout
        self.nameFields = nameFields
        self.isExchanged = isExchanged
        self.elements = elements
    }

    package init(
        _ name: String, layout: ElementLayout? = nil, nameFields: Set<Int> = [], isExchanged: Bool = false,
        keys: some Sequence<String>
    ) {
        self.init(
            name, layout: layout, nameFields: nameFields, isExchanged: isExchanged,
            elements: Dictionary(keys.map { ($0, "") }) { first, _ in first })
    }

    func adding(_ added: [String: String], to table: TableID) -> String {
        command("add", added.map { $0.value.isEmpty ? $0.key : "\($0.key) : \($0.value)" }, table)
    }

    func removing(_ removed: [String: String], from table: TableID) -> String {
        command("delete", Array(removed.keys), table)
    }

    /// Whether a line of a skeleton declares this set as a whole.
    fileprivate func isDeclared(by line: Substring) -> Bool {
        (line.hasPrefix("map \(name) {") || line.hasPrefix("set \(name) {")) && line.hasSuffix("}")
    }

    /// The declaration with the elements in it.
    fileprivate func declared(by line: Substring) -> String {
        let listed = elements.map { $0.value.isEmpty ? $0.key : "\($0.key) : \($0.value)" }.sorted()
        return line.dropLast() + " elements = { \(listed.joined(separator: ", ")) }\n}"
    }

    private func command(_ action: String, _ elements: [String], _ table: TableID) -> String {
        elements.isEmpty ? "" : "\(action) element \(table) \(name) { \(elements.sorted().joined(separator: ", ")) }\n"
    }
}
