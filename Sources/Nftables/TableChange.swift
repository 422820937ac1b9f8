/// What leads from one state of a table to the wanted one: commands for one transaction, and what they are about.
package struct TableChange: Equatable, Sendable {
    /// What may be taken away ahead of the rest.
    package var removals = ""
    /// What makes and changes; it may need what ``removals`` have taken away first.
    package var additions = ""
    /// The same, step by step; `nil` where it can only be said in nft's language.
    package var removalSteps: [TableStep]? = []
    package var additionSteps: [TableStep]? = []
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
    /// The same; `nil` where it can only be said in nft's language.
    package var steps: [TableStep]? {
        guard let removalSteps, let additionSteps else { return nil }
        return removalSteps + additionSteps
    }

    /// Adds the steps of another change behind these.
    package mutating func join(steps other: TableChange) {
        removalSteps = removalSteps.flatMap { steps in other.removalSteps.map { steps + $0 } }
        additionSteps = additionSteps.flatMap { steps in other.additionSteps.map { steps + $0 } }
    }

    /// Takes a table away that is there; for one that is not the kernel rejects the whole transaction.
    package static func removal(of id: TableID) -> TableChange {
        var change = TableChange()
        change.removals = "delete table \(id)\n"
        change.removalSteps = nil
        change.summary = ["table \(id) is not wanted"]
        change.count = 1
        return change
    }
}

extension Table {
    /// From what the kernel has. `rules`: what chains of this table look like when they are loaded as written, to see
    /// rules that others have changed; those of chains that are not there yet do not matter, `nil` when not known.
    package func change(from observed: ObservedTable?, rules: [String: String]? = nil) -> TableChange {
        if isShared { return completion(from: observed) }
        guard let observed else { return replaced("table \(id) is missing") }
        if observed.isOverfull { return replaced("table \(id) holds more than was put there") }
        guard observed.comment == tag else { return replaced("table \(id) is of another make") }
        if observed.isDormant { return replaced("table \(id) was switched off") }
        let own = skeletonChains
        if let missing = own.first(where: { observed.chains[$0] == nil }) {
            return replaced("chain \(missing) of table \(id) is missing")
        }
        for (chain, text) in (rules ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let found = observed.chains[chain], found != text {
                return replaced("rules of chain \(chain) of table \(id) were changed")
            }
        }
        // Chains that elements lead to stay when no element does any more: only their names are known then.
        let foreign = observed.chains.keys.filter { !own.contains($0) && chains[$0] == nil && !Self.isNumbered($0) }
        if let chain = foreign.min() { return replaced("chain \(chain) of table \(id) is not wanted") }
        return change(
            fromChains: Set(observed.chains.keys),
            elements: { observed.elements(of: $0) })
    }

    /// From what was applied before.
    package func change(from old: Table?) -> TableChange {
        if isShared { return old == self ? TableChange() : completion(from: nil) }
        guard let old else { return replaced("table \(id) is new") }
        guard old.skeleton == skeleton else { return replaced("table \(id) has another skeleton") }
        if old.sets == sets, old.chains == chains { return TableChange() }
        return change(
            fromChains: Set(old.chains.keys),
            elements: { set in old.sets.first { $0.name == set.name }?.elements ?? [:] })
    }

    /// Makes the chains that are missing. Said twice it does the same: what others have put into a chain without a hook stays.
    private func completion(from observed: ObservedTable?) -> TableChange {
        let missing = skeletonChains.filter { observed?.chains[$0] == nil }
        var change = TableChange()
        guard !missing.isEmpty else { return change }
        var (declared, hooked) = ("", "")
        for chain in missing {
            let lines = lines(ofChain: chain)
            guard let first = lines.first else { continue }
            declared += "\(first)\n}\n"
            guard first.contains("type ") else { continue }
            hooked += "flush chain \(id) \(chain)\n"
            hooked += lines.dropFirst().map { "add rule \(id) \(chain) \($0)\n" }.joined()
        }
        change.additions = "table \(id) {\n\(declared)}\n" + hooked
        change.additionSteps = nil
        change.summary = ["chains of table \(id) are missing: \(missing.joined(separator: ", "))"]
        change.count = missing.count
        return change
    }

    /// The line that declares a chain of the skeleton, up to its brace, and its rules.
    private func lines(ofChain name: String) -> [Substring] {
        let lines = skeleton.split(separator: "\n")
        guard let start = lines.firstIndex(where: { $0.hasPrefix("chain \(name) {") }) else { return [] }
        return Array(lines[start...].prefix { $0 != "}" })
    }

    /// `n3`: for three backends; `p8`: for five to eight; `s3`: for three, chosen by the source; `w3` and `x3`: the same for ports in a row.
    private static func isNumbered(_ chain: String) -> Bool {
        ["n", "p", "s", "w", "x"].contains(chain.prefix(1)) && chain.count > 1
            && chain.dropFirst().allSatisfy { ("0"..."9").contains($0) }
    }

    /// As from nothing, for who loads the table by ``emptied`` and ``filling``: the elements are counted, and there is no text of them.
    package var creation: TableChange {
        var change = emptied.replaced("table \(id) is new")
        change.count = 1 + sets.reduce(0) { $0 + $1.elements.count }
        return change
    }

    private func replaced(_ reason: String) -> TableChange {
        var change = TableChange()
        change.additions = replacement
        change.isReplacement = true
        change.additionSteps = nil
        change.summary = [reason]
        change.count = 1 + sets.reduce(0) { $0 + $1.elements.count }
        return change
    }

    private func change(fromChains present: Set<String>, elements: (ElementSet) -> [String: String]) -> TableChange {
        var change = TableChange()
        var additions = ""
        var added: [TableStep] = []
        var isPlain = true
        for (name, rules) in chains.sorted(by: { $0.key < $1.key }) where !present.contains(name) {
            additions += chainText(name, rules)
            if let step = step(name, rules) { added.append(step) } else { isPlain = false }
            change.count += 1
        }
        var removals: [String] = []
        var exchanged: [String] = []
        var (removed, exchangedSteps): ([TableStep], [TableStep]) = ([], [])
        for set in sets {
            let old = elements(set)
            let gone = old.filter { set.elements[$0.key] != $0.value }
            let new = set.elements.filter { old[$0.key] != $0.value }
            if gone.isEmpty, new.isEmpty { continue }
            if set.isExchanged {
                exchanged.append(set.removing(gone, from: id))
            } else {
                removals.append(set.removing(gone, from: id))
            }
            additions += set.adding(new, to: id)
            if let layout = set.layout {
                let step = TableStep.remove(id, set: set.name, layout, keys: gone.keys.sorted())
                if gone.isEmpty {} else if set.isExchanged { exchangedSteps.append(step) } else { removed.append(step) }
                if !new.isEmpty { added.append(.add(id, set: set.name, layout, new)) }
            } else {
                isPlain = false
            }
            change.count += gone.count + new.count
            change.summary.append("elements of \(id) \(set.name): \(gone.count) removed, \(new.count) added")
        }
        change.removals = removals.reversed().joined()
        change.additions = exchanged.reversed().joined() + additions
        change.removalSteps = isPlain ? removed.reversed() : nil
        change.additionSteps = isPlain ? exchangedSteps.reversed() + added : nil
        return change
    }

    /// `nil` for a chain that is none of so many.
    private func step(_ chain: String, _ rules: String) -> TableStep? {
        guard let balancing, Self.isNumbered(chain), let count = balancing.room(ofChain: chain),
            rules == balancing.text(of: count)
        else { return nil }
        return .chain(id, chain, count: count, balancing)
    }
}
