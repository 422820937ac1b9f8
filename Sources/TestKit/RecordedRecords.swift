import Foundation
package import Model

extension RecordedFiles {
    /// How a kind of records is spelled where it is kept.
    package enum Spelling: Sendable {
        /// The API's: the swarm's store, its files, and messages.
        case wire
        /// Swift's: a node's own database.
        case plain

        func encode(_ value: some Encodable) throws -> Data {
            switch self {
            case .wire: return try WireJSON.encode(value)
            case .plain:
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
                return try encoder.encode(value)
            }
        }

        func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
            switch self {
            case .wire: try WireJSON.decode(type, from: data)
            case .plain: try JSONDecoder().decode(type, from: data)
            }
        }
    }

    /// Reads every recorded form of a kind, and looks whether anything of the present form is lost when it is written again. While
    /// recording, the present form is written if it has no file yet.
    ///
    /// - Returns: What is wrong.
    package static func problems<Value: VersionedRecord>(
        with type: Value.Type, _ spelling: Spelling = .wire
    ) throws -> [String] {
        let kind = Value.recordKind
        let present = "Records/\(kind)/\(Value.recordVersion).json"
        let earlier = ["Records/\(kind)/1.bare.json"] + (1..<Value.recordVersion).map { "Records/\(kind)/\($0).json" }
        var problems: [String] = []
        for path in earlier {
            do {
                let value = try spelling.decode(Record<Value>.self, try data(path)).value
                try record(spelling.encode(Record(value)), present)
            } catch {
                problems.append("\(path): \(error)")
            }
        }
        let recorded = try data(present)
        do {
            let again = try spelling.encode(spelling.decode(Record<Value>.self, recorded))
            let (before, after) = (
                try JSONSerialization.jsonObject(with: recorded), try JSONSerialization.jsonObject(with: again)
            )
            problems += lost(before, after, at: present)
        } catch {
            problems.append("\(present): \(error)")
        }
        return problems
    }

    /// Fields of mounts that were once written with every value, and are left out now where it is the zero value. Every version reads that from a missing key.
    private static let omitted: Set<String> = ["ReadOnly"]

    private static func isOmitted(_ value: Any, _ key: String, at path: String) -> Bool {
        path.contains(".Mounts") && omitted.contains(key) && (value as? NSNumber)?.boolValue == false
    }

    /// What is in a document and not, or not the same, in another that may have more.
    private static func lost(_ before: Any, _ after: Any, at path: String) -> [String] {
        switch (before, after) {
        case (let before as [String: Any], let after as [String: Any]):
            return before.flatMap { key, value -> [String] in
                if after[key] == nil, isOmitted(value, key, at: path) { return [] }
                return after[key].map { lost(value, $0, at: "\(path).\(key)") } ?? ["\(path).\(key) is lost"]
            }
        case (let before as [String], let after as [String]):
            // Sets are written in any order.
            return before.sorted() == after.sorted() ? [] : ["\(path) is \(after) and was \(before)"]
        case (let before as [Any], let after as [Any]):
            guard before.count == after.count else { return ["\(path) has \(after.count) elements"] }
            return zip(before, after).enumerated().flatMap { lost($1.0, $1.1, at: "\(path)[\($0)]") }
        case (let before as NSObject, let after as NSObject):
            return before.isEqual(after) ? [] : ["\(path) is \(after) and was \(before)"]
        default: return ["\(path) cannot be compared"]
        }
    }
}
