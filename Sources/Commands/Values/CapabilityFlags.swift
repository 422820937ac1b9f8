/// Names of capabilities, as flags add and drop them.
package struct CapabilityFlags: Equatable {
    /// Every other one.
    private static let all = "ALL"
    /// In an update: none of those that were set before.
    private static let reset = "RESET"

    package var added: [String]
    package var dropped: [String]

    /// Without contradiction: what is added is not dropped.
    package init(adding added: [String], dropping dropped: [String]) {
        let (added, dropped) = (Self.collapsed(added), Self.collapsed(dropped))
        self.added = added.sorted()
        self.dropped = dropped.subtracting(added).sorted()
    }

    /// `CAP_` in front, capitals, no doubles, in order; no name is more than a name.
    package static func names(_ names: [String]) -> [String] { Set(names.map { name($0) }).sorted() }

    private static func name(_ text: String) -> String {
        let upper = text.uppercased().filter { $0 != " " }
        return upper == all || upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
    }

    private static func set(_ names: [String]) -> Set<String> {
        Set(names.map { $0.uppercased() == reset ? reset : name($0) })
    }

    private static func collapsed(_ names: [String]) -> Set<String> {
        let names = set(names).subtracting([reset])
        return names.contains(all) ? [all] : names
    }

    /// Adding one that was dropped ends that, and does no more; so does dropping one that was added. Where both are asked for, it is added.
    package mutating func change(adding: [String], dropping: [String]) {
        var (adding, dropping) = (Self.set(adding), Self.set(dropping))
        var added = adding.remove(Self.reset) == nil ? Set(self.added) : []
        var dropped = dropping.remove(Self.reset) == nil ? Set(self.dropped) : []
        for name in dropping.subtracting(adding) where added.remove(name) == nil { dropped.insert(name) }
        for name in adding where dropped.remove(name) == nil { added.insert(name) }
        self = CapabilityFlags(adding: Array(added), dropping: Array(dropped))
    }
}
