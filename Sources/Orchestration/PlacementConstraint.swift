package import EngineInterface
package import Model

/// `node.role==manager`, `node.labels.zone!=east`. Source: Engine API 1.50, `TaskSpec.Placement.Constraints`.
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
        let key = text[..<range.lowerBound].filter { $0 != " " }
        let value = text[range.upperBound...].drop { $0 == " " }
        guard !key.isEmpty, !value.isEmpty else {
            throw .invalid(text)
        }
        self.key = String(key)
        self.isEqual = isEqual
        self.value = String(value)
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

    /// Whether a node may have the task; upper and lower case are the same. A label that the node does not have counts as empty; a key
    /// that nobody knows fits no node.
    package func matches(_ node: Node) -> Bool {
        let actual: String?
        switch key.lowercased() {
        case "node.id": actual = node.id
        case "node.hostname": actual = node.description?.hostname
        case "node.role": actual = node.spec.role.rawValue
        case "node.ip": actual = node.status.addr
        case "node.platform.os": actual = node.description?.platform.system
        case "node.platform.arch": actual = node.description?.platform.architecture
        default:
            if key.hasPrefix("node.labels.") {
                actual = node.spec.labels[String(key.dropFirst("node.labels.".count))] ?? ""
            } else if key.hasPrefix("engine.labels.") {
                actual = node.description?.engine.labels?[String(key.dropFirst("engine.labels.".count))] ?? ""
            } else {
                return false
            }
        }
        return (actual?.lowercased() == value.lowercased()) == isEqual
    }
}
