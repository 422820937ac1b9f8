package import Foundation
import Model

/// Go's words for faults in what a client sent, as Docker's clients know them.
package enum GoWords {
    /// The text in double quotes, escaped as `strconv.Quote` does for what occurs here.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 32: result += "\\x" + hexadecimal(scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// What `strconv` says of a text that is no number, or one that does not fit.
    /// - Parameter function: As in `ParseUint`.
    package static func numberFault(_ function: String, _ text: String, isSigned: Bool = true) -> String {
        let hasSign = isSigned && (text.hasPrefix("-") || text.hasPrefix("+"))
        let digits = text.utf8.dropFirst(hasSign ? 1 : 0)
        let isNumber = !digits.isEmpty && digits.allSatisfy { (48...57).contains($0) }
        return "strconv.\(function): parsing \(quoted(text)): \(isNumber ? "value out of range" : "invalid syntax")"
    }

    /// What `encoding/json` says of text that is not JSON.
    package static func syntaxError(in bytes: [UInt8]) -> String {
        switch GoScanner.finding(in: bytes) {
        case .wrong(let words): words
        case .cutOff: "unexpected EOF"
        case .blank: "EOF"
        case .followed(let offset): GoScanner.invalid(bytes.dropFirst(offset).first ?? 0, "after top-level value")
        // What the decoder does not take and Go does, as text that is not UTF-8.
        case .whole: "invalid JSON"
        }
    }

    /// What `encoding/json` says of JSON that does not fit the type.
    /// - Parameter name: Of Docker's type, as in `NetworkCreateRequest`.
    package static func decodingError(_ error: DecodingError, in body: Data, named name: String) -> String {
        switch error {
        case .typeMismatch(let type, let context):
            mismatch(type, context, in: body, named: name)
        case .valueNotFound(let type, let context): mismatch(type, context, in: body, named: name)
        case .keyNotFound(let key, _): "json: field \(WireSpelling.onWire(key.stringValue)) of \(name) is missing"
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? misfit(in: body, named: name)
                : "json: field \(path(context)) of \(name): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }

    /// The decoder says of a number that its field cannot hold the same as of text that is no JSON, and not where it is.
    private static func misfit(in body: Data, named name: String) -> String {
        // What cannot be read as any value is not JSON.
        guard (try? JSONDecoder().decode(JSONValue.self, from: body)) != nil else {
            return syntaxError(in: Array(body))
        }
        return "json: cannot unmarshal number into Go value of type \(name)"
    }

    private static func mismatch(
        _ type: any Any.Type, _ context: DecodingError.Context, in body: Data, named name: String
    ) -> String {
        let found = kind(of: context.codingPath, in: body)
        let isWhole = !context.codingPath.contains(where: isField)
        let field = isWhole ? "value" : "struct field \(name).\(path(context))"
        let goType = isWhole ? name : goName(of: type, named: name)
        return "json: cannot unmarshal \(found) into Go \(field) of type \(goType)"
    }

    /// Go names the fields of types, and neither keys of maps nor places in lists.
    private static func path(_ context: DecodingError.Context) -> String {
        context.codingPath.filter(isField).map { WireSpelling.onWire($0.stringValue) }.joined(separator: ".")
    }

    /// Keys of a type's fields are the names that it has, while any text is a key of a dictionary, or stands for a place in an array.
    private static func isField(_ key: any CodingKey) -> Bool {
        key.intValue == nil && type(of: key).init(stringValue: "") == nil
    }

    private static func kind(of path: [any CodingKey], in body: Data) -> String {
        // The body was read as JSON before; if it is none, the word says so.
        guard var value = try? JSONDecoder().decode(JSONValue.self, from: body) else { return "value" }
        for step in path {
            switch value {
            case .object(let members):
                let wire = WireSpelling.onWire(step.stringValue)
                guard let next = members[step.stringValue] ?? members[wire] else { return "value" }
                value = next
            case .array(let items):
                guard let index = step.intValue, items.indices.contains(index) else { return "value" }
                value = items[index]
            case .null, .bool, .number, .string: break
            }
        }
        return kind(of: value)
    }

    /// What `encoding/json` calls a value.
    static func kind(of value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    private static func goName(of type: any Any.Type, named name: String) -> String {
        let text = String(describing: type)
        if text == "String" || text == "Bool" || text == "Int" || text == "Int64" || text == "UInt64" {
            return text.lowercased()
        }
        if text == "Double" { return "float64" }
        if text.hasPrefix("Array") { return "[]string" }
        if text.hasPrefix("Dictionary") { return "map[string]string" }
        return name
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let text = String(value, radix: 16)
        return text.count == 1 ? "0" + text : text
    }
}
