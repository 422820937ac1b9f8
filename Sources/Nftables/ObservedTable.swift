/// A table as the kernel has it.
package struct ObservedTable: Sendable {
    /// The tag of the skeleton that it was loaded from, if it is one of ours.
    package let comment: String?
    /// Chains with their text as nft prints it, counters left out.
    package let chains: [String: String]
    /// It has flags, which ours have not: switched off as a whole (`dormant`), nothing in it sees a packet.
    package let isDormant: Bool
    /// There is more in it than belongs there, and it was not read.
    package let isOverfull: Bool
    private let contents: [String: [ListedValue]]

    /// One that holds so much that is not ours that it is not read, but replaced.
    package static let overfull = ObservedTable()

    private init() {
        comment = nil
        chains = [:]
        isDormant = false
        isOverfull = true
        contents = [:]
    }

    /// - Parameters:
    ///   - text: a terse listing, in which alone the table's comment is found (nft 1.0.6 leaves it out of JSON).
    ///   - items: the JSON listing, which has the elements.
    init(text: String, items: [ListedValue]) {
        var comment: String?
        var chains: [String: String] = [:]
        var isDormant = false
        var current: (name: String, body: String)?
        for line in text.split(separator: "\n") {
            if let chain = current {
                if line == "\t}" {
                    chains[chain.name] = chain.body
                    current = nil
                } else {
                    current?.body += line + "\n"
                }
            } else if line.hasPrefix("\tchain ") {
                current = (String(line.dropFirst(7).dropLast(2)), "")
            } else if line.hasPrefix("\tcomment \"") {
                comment = String(line.dropFirst(10).dropLast())
            } else if line.hasPrefix("\tflags ") {
                isDormant = true
            }
        }
        self.isDormant = isDormant
        isOverfull = false
        self.comment = comment
        self.chains = chains
        var contents: [String: [ListedValue]] = [:]
        for item in items {
            guard let set = item["set"] ?? item["map"], let name = set["name"]?.text else { continue }
            contents[name] = set["elem"]?.list ?? []
        }
        self.contents = contents
    }

    /// The elements of a set or map, in the spelling of ``ElementSet``; none when it is missing.
    package func elements(of set: ElementSet) -> [String: String] {
        var found: [String: String] = [:]
        for element in contents[set.name] ?? [] {
            if let pair = element.list, pair.count == 2 {
                found[Self.spelling(pair[0], set.nameFields)] = Self.spelling(pair[1], [])
            } else {
                found[Self.spelling(element, set.nameFields)] = ""
            }
        }
        return found
    }

    private static func spelling(_ value: ListedValue, _ names: Set<Int>) -> String {
        let value = value["elem"]?["val"] ?? value
        let parts = value["concat"]?.list ?? [value]
        return parts.enumerated().map { part(of: $1, isName: names.contains($0)) }.joined(separator: " . ")
    }

    private static func part(of value: ListedValue, isName: Bool) -> String {
        if let text = value.text { return isName ? "\"\(text)\"" : text }
        if let number = value.number { return String(number) }
        if let prefix = value["prefix"], let address = prefix["addr"]?.text, let length = prefix["len"]?.number {
            return "\(address)/\(length)"
        }
        if let ends = value["range"]?.list, ends.count == 2 {
            return "\(part(of: ends[0], isName: false))-\(part(of: ends[1], isName: false))"
        }
        if let target = value["goto"]?["target"]?.text { return "goto \(target)" }
        // Anything else is not of our making: a spelling that equals none of ours, so that it is removed.
        return "?"
    }
}
