/// Why a function of a template fails.
struct TemplateFailure: Error { let reason: String }

/// The functions of templates: Go's, and those that Docker adds.
enum TemplateFunctions {
    static let names: Set<String> = [
        "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "eq", "ne",
        "lt", "le", "gt", "ge", "json", "split", "join", "title", "lower", "upper", "pad", "truncate",
    ]

    static func call(_ name: String, _ values: [TemplateValue], isHeader: Bool) throws(TemplateFailure) -> TemplateValue
    {
        // A header is made by running the template on the names of the columns, which stay as they are.
        let changing = ["json", "split", "join", "title", "lower", "upper", "pad", "truncate"]
        if isHeader, changing.contains(name), let first = values.first {
            return name == "join" || name == "split" ? values.first { !$0.text.isEmpty } ?? first : first
        }
        switch name {
        case "and", "or": return try logical(name, values)
        case "not": return .data(.bool(!(try only(values).isTrue)))
        case "eq", "ne", "lt", "le", "gt", "ge": return .data(.bool(try compare(name, values)))
        case "len": return .data(JSON(try length(try only(values).data)))
        case "index": return .data(try index(values))
        case "slice": return .data(try slice(values))
        case "print": return .data(.string(Printing.plain(values.map(\.data), spaced: false)))
        case "println": return .data(.string(Printing.plain(values.map(\.data), spaced: true) + "\n"))
        case "printf":
            guard let format = values.first else { throw TemplateFailure(reason: "wrong number of args for printf") }
            return .data(.string(Printing.formatted(format.text, values.dropFirst().map(\.data))))
        case "json": return .data(.string(json(try only(values))))
        default: return try text(name, values)
        }
    }

    private static func only(_ values: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        guard values.count == 1 else { throw TemplateFailure(reason: "want 1 got \(values.count)") }
        return values[0]
    }

    private static func json(_ value: TemplateValue) -> String {
        switch value {
        // Rows write their own JSON, with the escapes of Go's default.
        case .row(let row): row.json.compact(escapesMarkup: true)
        case .data(let data): data.compact()
        case .absent(let value): value.json.compact()
        }
    }

    private static func logical(_ name: String, _ values: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        guard let last = values.last else { throw TemplateFailure(reason: "wrong number of args for \(name)") }
        return values.first { $0.isTrue == (name == "or") } ?? last
    }

    private static func compare(_ name: String, _ values: [TemplateValue]) throws(TemplateFailure) -> Bool {
        guard values.count >= 2 else { throw TemplateFailure(reason: "missing argument for comparison") }
        let first = values[0].data
        if name == "eq" {
            for value in values.dropFirst() {
                if try order(first, value.data) == 0 { return true }
            }
            return false
        }
        let order = try order(first, values[1].data)
        return switch name {
        case "ne": order != 0
        case "lt": order < 0
        case "le": order <= 0
        case "gt": order > 0
        default: order >= 0
        }
    }

    private static func order(_ left: JSON, _ right: JSON) throws(TemplateFailure) -> Int {
        switch (left, right) {
        case (.string(let left), .string(let right)): return left == right ? 0 : left < right ? -1 : 1
        case (.bool(let left), .bool(let right)): return left == right ? 0 : 1
        case (.number, .number):
            let (left, right) = (left.double ?? 0, right.double ?? 0)
            return left == right ? 0 : left < right ? -1 : 1
        case (.null, .null): return 0
        case (.null, _), (_, .null): return 1
        default: throw TemplateFailure(reason: "incompatible types for comparison")
        }
    }

    private static func length(_ value: JSON) throws(TemplateFailure) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .array(let elements): elements.count
        case .object(let members): members.count
        case .null: 0
        default: throw TemplateFailure(reason: "len of type \(TemplateValue.data(value).typeName)")
        }
    }

    private static func index(_ values: [TemplateValue]) throws(TemplateFailure) -> JSON {
        guard var value = values.first?.data else { throw TemplateFailure(reason: "index of untyped nil") }
        for key in values.dropFirst().map(\.data) {
            switch value {
            case .object:
                // What a map does not have is the empty value of its kind: mostly maps of texts are looked into.
                let found = value[key.text]
                value = found.isNull ? .string("") : found
            case .array(let elements):
                guard let position = key.integer else {
                    throw TemplateFailure(
                        reason: "cannot index slice/array with type \(TemplateValue.data(key).typeName)")
                }
                guard elements.indices.contains(Int(position)) else {
                    throw TemplateFailure(reason: "reflect: slice index out of range")
                }
                value = elements[Int(position)]
            case .null: throw TemplateFailure(reason: "index of nil pointer")
            default: throw TemplateFailure(reason: "can't index item of type \(TemplateValue.data(value).typeName)")
            }
        }
        return value
    }

    private static func slice(_ values: [TemplateValue]) throws(TemplateFailure) -> JSON {
        guard let value = values.first?.data else { throw TemplateFailure(reason: "slice of untyped nil") }
        let count = try length(value)
        let bounds = values.dropFirst().map { Int($0.data.integer ?? -1) }
        let from = bounds.first ?? 0
        let to = bounds.count > 1 ? bounds[1] : count
        guard (0...count).contains(from), (from...count).contains(to) else {
            throw TemplateFailure(reason: "index out of range: \(bounds.last ?? 0)")
        }
        if case .array(let elements) = value { return .array(Array(elements[from..<to])) }
        return .string(String(decoding: Array(value.text.utf8)[from..<to], as: UTF8.self))
    }

    private static func blanks(_ value: TemplateValue) throws(TemplateFailure) -> String {
        let count = Int(value.data.integer ?? 0)
        guard count >= 0 else { throw TemplateFailure(reason: "strings: negative Repeat count") }
        guard count <= 1 << 20 else { throw TemplateFailure(reason: "strings: Repeat output length overflow") }
        return String(repeating: " ", count: count)
    }

    /// Every word with a capital letter.
    private static func titled(_ text: String) -> String {
        var isWithin = false
        var result = ""
        for character in text {
            result += isWithin ? String(character) : character.uppercased()
            isWithin = character.isLetter || character.isNumber || character == "_"
        }
        return result
    }

    private static func text(_ name: String, _ values: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        let texts = values.map(\.text)
        func need(_ count: Int) throws(TemplateFailure) {
            guard values.count == count else {
                throw TemplateFailure(reason: "wrong number of args for \(name): want \(count) got \(values.count)")
            }
        }
        switch name {
        case "split":
            try need(2)
            let parts =
                texts[1].isEmpty
                ? texts[0].map(String.init)
                : texts[0].components(separatedBy: texts[1])
            return .data(.strings(parts))
        case "join":
            try need(2)
            return .data(
                .string(values[0].data.elements.map { TemplateValue.data($0).text }.joined(separator: texts[1])))
        case "title":
            try need(1)
            return .data(.string(titled(texts[0])))
        case "lower": return .data(.string(try only(values).text.lowercased()))
        case "upper": return .data(.string(try only(values).text.uppercased()))
        case "pad":
            try need(3)
            return .data(.string(texts[0].isEmpty ? "" : try blanks(values[1]) + texts[0] + blanks(values[2])))
        case "truncate":
            try need(2)
            let count = Int(values[1].data.integer ?? 0)
            guard count >= 0 else {
                throw TemplateFailure(reason: "runtime error: slice bounds out of range [:\(count)]")
            }
            return .data(.string(String(texts[0].prefix(count))))
        case "html":
            let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&#34;"), ("'", "&#39;")]
            return .data(.string(marks.reduce(texts.joined()) { $0.replacing($1.0, with: $1.1) }))
        default: throw TemplateFailure(reason: "\(name) is not supported")
        }
    }
}

extension String {
    /// Parts between all places of a separator.
    fileprivate func components(separatedBy separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}
