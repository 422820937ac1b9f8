/// What leads from one state of a table to the wanted one: commands for one transaction, and what they are about.
package struct TableChange: Equatable, Sendable {
    package var removals = ""
    package var additions = ""
    /// In words, for logs and reports.
    package var summary: [String] = []
    /// Elements, chains and tables concerned.
    package var count = 0
    /// The whole table is loaded anew.
    package var isReplacement = false

    package init() {}

    package var isEmpty: Bool { removals.isEmpty && additions.isEmpty }
    /// The whole as one transaction.
    package var commands: String { removals + additions }

    package static func removal(of id: TableID) -> TableChange {
        var change = TableChange()
        change.removals = "delete table \(id)\n"
        change.summary = ["table \(id) is not wanted"]
        change.count = 1
        return change
    }
}

extension Table {
    /// From what the kernel has. `rules`: what the chains of this skeleton looked like when it was loaded, to see rules
    /// that others have changed; `nil` when not known.
    package func change(from observed: ObservedTable?, rules: [String: String]? = nil) -> TableChange {
        guard let observed else { return replaced("table \(id) is missing") }
        guard observed.comment == tag else { return replaced("table \(id) is of another make") }
        let isChanged = rules.map { $0.contains { observed.chains[$0.key] != $0.value } } ?? false
        if isChanged || chainNames.contains(where: { observed.chains[$0] == nil }) {
            return replaced("rules of table \(id) were changed")
        }
        return change(
            fromChains: Set(observed.chains.keys),
            elements: { observed.elements(of: $0) })
    }

    /// From what was applied before.
    package func change(from old: Table?) -> TableChange {
        guard let old else { return replaced("table \(id) is new") }
        guard old.skeleton == skeleton else { return replaced("table \(id) has another skeleton") }
        if old.sets == sets, old.chains == chains { return TableChange() }
        return change(
            fromChains: Set(old.chains.keys),
            elements: { set in old.sets.first { $0.name == set.name }?.elements ?? [:] })
    }

    /// Chains of the skeleton.
    private var chainNames: [String] {
        skeleton.split(separator: "\n").filter { $0.hasPrefix("chain ") }.compactMap { line in
            line.split(separator: " ").dropFirst().first.map(String.init)
        }
    }

    private func replaced(_ reason: String) -> TableChange {
        var change = TableChange()
        change.additions = replacement
        change.isReplacement = true
        change.summary = [reason]
        change.count = 1 + sets.reduce(0) { $0 + $1.elements.count }
        return change
    }

    private func change(fromChains present: Set<String>, elements: (ElementSet) -> [String: String]) -> TableChange {
        var change = TableChange()
        for (name, rules) in chains.sorted(by: { $0.key < $1.key }) where !present.contains(name) {
            change.additions += chainText(name, rules)
            change.count += 1
        }
        var removals: [String] = []
        for set in sets {
            let old = elements(set)
            let gone = old.filter { set.elements[$0.key] != $0.value }
            let new = set.elements.filter { old[$0.key] != $0.value }
            if gone.isEmpty, new.isEmpty { continue }
            removals.append(set.removing(gone, from: id))
            change.additions += set.adding(new, to: id)
            change.count += gone.count + new.count
            change.summary.append("elements of \(id) \(set.name): \(gone.count) removed, \(new.count) added")
        }
        change.removals = removals.reversed().joined()
        return change
    }
}
