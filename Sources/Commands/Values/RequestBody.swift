package import DockerClient
import Foundation
import Model
package import Templates

extension JSON {
    /// A value of the model as the API writes it.
    /// - Throws: `EncodingError`: a number that JSON does not have.
    package init(encoding value: some Encodable) throws { self = try JSON(parsing: WireJSON.encode(value)) }
}

extension Request {
    /// - Parameter body: A value of the model.
    package static func post(_ path: String, _ query: [(String, String)] = [], sending body: some Encodable) throws
        -> Request
    {
        .post(path, query, try JSON(encoding: body))
    }
}

/// An object of the engine's that is read, changed and sent back.
///
/// What flags change is a value of the model. What that does not know of the object, of an engine that is newer or another than this
/// program's, is sent back as it came: only what differs between the value before and after is written into the JSON that was read.
package struct EditedObject<Value: Codable> {
    private let original: JSON
    /// What the value knew of it.
    private let before: JSON
    package var value: Value

    /// - Throws: `DecodingError`.
    package init(_ original: JSON) throws {
        self.original = original
        value = try WireJSON.decode(Value.self, from: Array(original.compact().utf8))
        before = try JSON(encoding: value)
    }

    /// The object as it is to be sent.
    package func json() throws -> JSON { original.changed(from: before, to: try JSON(encoding: value)) }
}

extension JSON {
    /// This value, with the difference between two others made in it.
    ///
    /// Members and elements that both have are left as they are here. An element that is new, or was changed, is written as `after` has it.
    fileprivate func changed(from before: JSON, to after: JSON) -> JSON {
        guard before != after else { return self }
        switch (self, before, after) {
        case (.object, .object(let old), .object(let new)):
            var result = self
            for name in Set(old.map(\.name) + new.map(\.name)).sorted() where before[name] != after[name] {
                result[name] = after[name].isNull ? .null : result[name].changed(from: before[name], to: after[name])
            }
            return result
        case (.array(let own), .array(let old), .array(let new)) where own.count == old.count:
            return .array(new.map { element in old.firstIndex(of: element).map { own[$0] } ?? element })
        default: return after
        }
    }
}
