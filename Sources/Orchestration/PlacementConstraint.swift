import Addressing
package import EngineInterface
package import Model

/// `node.role==manager`, `node.labels.zone!=east`, `node.ip==10.0.0.0/8`. Source: Engine API 1.50, `TaskSpec.Placement.Constraints`.
package struct PlacementConstraint: Sendable, Equatable {
    /// As in `node.role` or `node.labels.zone`.
    package let key: String
    /// `==`; otherwise `!=`.
    package let isEqual: Bool
    package let value: String

    /// - Throws: ``ConstraintError`` for a text that says nothing to compare.
    package init(_ text: String) throws(ConstraintError) {
        guard let (range, isEqual) = Self.operatorPosition(in: text) else {
            throw .noOperator
        }
        key = Self.trimmed(text[..<range.lowerBound])
        self.isEqual = isEqual
        value = Self.trimmed(text[range.upperBound...])
        if key.isEmpty { throw .invalidKey(key) }
        if value.isEmpty { throw .invalidValue(value) }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }

    private static let letters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    private static let inKeys = letters.union("0123456789-_.")
    private static let inValues = inKeys.union(":*()?+[]\\^$|/ \t\n\r\u{c}")

    /// What a new service may not ask for, since it is a mistake: other operators, quotes, several constraints in one. One that is stored holds
    /// all the same. Source: SwarmKit's patterns.
    package func check() throws(ConstraintError) {
        guard let first = key.first, Self.letters.contains(first) || first == "_", key.count > 1,
            key.allSatisfy(Self.inKeys.contains)
        else { throw .invalidKey(key) }
        guard value.allSatisfy(Self.inValues.contains) else { throw .invalidValue(value) }
    }

    private static func operatorPosition(in text: String) -> (Range<String.Index>, Bool)? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if next < text.endIndex, text[next] == "=", text[index] == "=" || text[index] == "!" {
                return (index..<text.index(after: next), text[index] == "=")
            }
            index = next
        }
        return nil
    }

    private static let nodeLabels = "node.labels."
    private static let engineLabels = "engine.labels."

    /// Whether a node may have the task; upper and lower case are the same but in names of labels. A label that the node does not have counts as
    /// empty; a key that nobody knows fits no node, nor does an address that is none.
    package func matches(_ node: Node) -> Bool {
        let actual: String?
        let lowered = key.lowercased()
        switch lowered {
        case "node.id": actual = node.id
        case "node.hostname": actual = node.description?.hostname
        case "node.role": actual = node.spec.role.rawValue
        case "node.ip":
            guard let wanted = IPAddress(value).map({ IPNetwork($0) }) ?? IPNetwork(value) else { return false }
            return (node.status.addr.map { wanted.contains($0) } ?? false) == isEqual
        case "node.platform.os": actual = node.description?.platform.system
        case "node.platform.arch": actual = node.description?.platform.architecture
        default:
            if lowered.hasPrefix(Self.nodeLabels) {
                actual = node.spec.labels[String(key.dropFirst(Self.nodeLabels.count))] ?? ""
            } else if lowered.hasPrefix(Self.engineLabels) {
                actual = node.description?.engine.labels?[String(key.dropFirst(Self.engineLabels.count))] ?? ""
            } else {
                return false
            }
        }
        return (actual?.lowercased() == value.lowercased()) == isEqual
    }
}
