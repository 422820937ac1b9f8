/// What a template is carried out on: data, or a row of a list with fields that are computed.
package enum TemplateValue: Sendable {
    case data(JSON)
    case row(Row)
    /// A field that the engine has left out, see ``AbsentFields``.
    case absent(AbsentValue)

    var isTrue: Bool {
        switch self {
        case .row: true
        case .absent: false
        case .data(.null), .data(.bool(false)): false
        case .data(.number(let digits)): Double(digits) != 0
        case .data(.string(let text)): !text.isEmpty
        case .data(.array(let elements)): !elements.isEmpty
        case .data(.object(let members)): !members.isEmpty
        case .data(.bool(true)): true
        }
    }

    var data: JSON {
        switch self {
        case .data(let value): value
        case .row(let row): row.json
        case .absent(let value): value.data
        }
    }

    /// As Go prints a value.
    package var text: String {
        switch self {
        case .data(let value): Self.text(value, isNested: false)
        case .row(let row): row.json.compact(escapesMarkup: true)
        case .absent(let value): value.shown
        }
    }

    static func text(_ value: JSON, isNested: Bool) -> String {
        switch value {
        case .null: isNested ? "<nil>" : "<no value>"
        case .bool(let flag): flag ? "true" : "false"
        case .number(let digits): digits
        case .string(let text): text
        case .array(let elements): "[" + elements.map { text($0, isNested: true) }.joined(separator: " ") + "]"
        case .object(let members):
            "map["
                + members.sorted { $0.name < $1.name }.map { "\($0.name):\(text($0.value, isNested: true))" }
                .joined(separator: " ") + "]"
        }
    }

    /// As messages name its type.
    var typeName: String {
        switch self {
        case .row: "row"
        case .absent: "nil"
        case .data(.null): "nil"
        case .data(.bool): "bool"
        case .data(.number): "float64"
        case .data(.string): "string"
        case .data(.array): "[]interface {}"
        case .data(.object): "map[string]interface {}"
        }
    }
}

/// One row of a list: what its columns show.
package struct Row: Sendable {
    package typealias Method = @Sendable (String) -> String

    /// Values by name: texts, except where Docker gives others.
    package var fields: [String: JSON]
    /// Fields that take a word, as `.Label "name"`.
    package var methods: [String: Method]
    /// Fields that are there for templates but not part of the row as JSON.
    package var quietFields: [String: JSON]
    /// Docker's name of the row's type, for messages about a field that there is not.
    package var typeName: String?

    package init(
        _ fields: [String: JSON], methods: [String: Method] = [:], quietFields: [String: JSON] = [:]
    ) {
        self.fields = fields
        self.methods = methods
        self.quietFields = quietFields
    }

    /// All fields in the order of their names.
    package var json: JSON { .object(fields.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value) }) }
}
