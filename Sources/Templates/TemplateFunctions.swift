/// Why a function of a template fails.
struct TemplateFailure: Error { let reason: String }

/// The functions of templates: Go's, and those that Docker adds.
enum TemplateFunctions {
    static let names: Set<String> = [
        "and", "or", "not", "len", "index", "slice", "print", "printf", "println", "html", "js", "urlquery", "eq", "ne",
        "lt", "le", "gt", "ge", "json", "split", "join", "title", "lower", "upper", "pad", "truncate",
    ]

    /// - Parameter budget: What the function takes, makes and goes through is taken of it, before it is made where that may be more than it was
    ///   given.
    static func call(
        _ name: String, _ values: [TemplateValue], isHeader: Bool, _ budget: inout TemplateBudget
    ) throws(TemplateFailure) -> TemplateValue {
        for value in values {
            switch value {
            case .data(.string(let text)): try budget.take(text.utf8.count)
            case .data(.array(let elements)): try budget.step(over: elements.count)
            case .data(.object(let members)): try budget.step(over: members.count)
            default: break
            }
        }
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
        case "print": return .data(.string(try Printing.plain(values.map(\.data), spaced: false, &budget)))
        case "println":
            return .data(.string(try Printing.plain(values.map(\.data), spaced: true, &budget) + "\n"))
        case "printf":
            guard let format = values.first else { throw TemplateFailure(reason: "wrong number of args for printf") }
            return .data(.string(try Printing.formatted(format.text, values.dropFirst().map(\.data), &budget)))
        case "json":
            let text = json(try only(values))
            try budget.take(text.utf8.count)
            return .data(.string(text))
        default: return try text(name, values, &budget)
        }
    }

    private static func only(_ values: [TemplateValue]) throws(TemplateFailure) -> TemplateValue {
        guard let value = values.first, values.count == 1 else {
            throw TemplateFailure(reason: "want 1 got \(values.count)")
        }
        return value
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
        guard values.count > 1 else { throw TemplateFailure(reason: "missing argument for comparison") }
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
                guard let place = Int(exactly: position), elements.indices.contains(place) else {
                    throw TemplateFailure(reason: "reflect: slice index out of range")
                }
                value = elements[place]
            case .null: throw TemplateFailure(reason: "index of nil pointer")
            default: throw TemplateFailure(reason: "can't index item of type \(TemplateValue.data(value).typeName)")
            }
        }
        return value
    }

    private static func slice(_ values: [TemplateValue]) throws(TemplateFailure) -> JSON {
        guard let value = values.first?.data, !value.isNull else {
            throw TemplateFailure(reason: "slice of untyped nil")
        }
        let bounds = values.dropFirst().map { Int(clamping: $0.data.integer ?? -1) }
        func part<Elements: Collection>(of elements: Elements) throws(TemplateFailure) -> Elements.SubSequence {
            let from = bounds.first ?? 0
            let to = bounds.dropFirst().first ?? elements.count
            guard from >= 0, from <= to, to <= elements.count else {
                throw TemplateFailure(reason: "index out of range: \(bounds.last ?? 0)")
            }
            return elements.prefix(to).dropFirst(from)
        }
        switch value {
        case .array(let elements): return .array(Array(try part(of: elements)))
        case .string(let text): return .string(String(decoding: try part(of: text.utf8), as: UTF8.self))
        default: throw TemplateFailure(reason: "can't slice item of type \(TemplateValue.data(value).typeName)")
        }
    }

    private static func blanks(_ value: TemplateValue, _ budget: inout TemplateBudget) throws(TemplateFailure)
        -> String
    {
        let count = Int(clamping: value.data.integer ?? 0)
        guard count >= 0 else { throw TemplateFailure(reason: "strings: negative Repeat count") }
        guard count <= 1 << 20 else { throw TemplateFailure(reason: "strings: Repeat output length overflow") }
        try budget.take(count)
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

    private static func text(_ name: String, _ values: [TemplateValue], _ budget: inout TemplateBudget)
        throws(TemplateFailure) -> TemplateValue
    {
        let wanted = ["title": 1, "split": 2, "join": 2, "truncate": 2, "pad": 3]
        if let count = wanted[name], values.count != count {
            throw TemplateFailure(reason: "wrong number of args for \(name): want \(count) got \(values.count)")
        }
        let first = values.first ?? .data("")
        let second = values.dropFirst().first ?? .data("")
        let text: String
        switch name {
        case "split": return .data(.strings(try parts(of: first.text, separatedBy: second.text, &budget)))
        case "join": return .data(.string(try joined(first.data.elements, by: second.text, &budget)))
        case "title": text = titled(first.text)
        case "lower": text = try only(values).text.lowercased()
        case "upper": text = try only(values).text.uppercased()
        case "pad":
            let inner = first.text
            let third = values.dropFirst(2).first ?? second
            text = inner.isEmpty ? "" : try blanks(second, &budget) + inner + blanks(third, &budget)
        case "truncate":
            let count = Int(clamping: second.data.integer ?? 0)
            guard count >= 0 else {
                throw TemplateFailure(reason: "runtime error: slice bounds out of range [:\(count)]")
            }
            text = String(first.text.prefix(count))
        case "html":
            var whole = ""
            for value in values {
                let next = value.text
                try budget.take(next.utf8.count)
                whole += next
            }
            let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&#34;"), ("'", "&#39;")]
            text = marks.reduce(whole) { $0.replacing($1.0, with: $1.1) }
        default: throw TemplateFailure(reason: "\(name) is not supported")
        }
        try budget.take(text.utf8.count)
        return .data(.string(text))
    }

    private static func joined(_ elements: [JSON], by separator: String, _ budget: inout TemplateBudget)
        throws(TemplateFailure) -> String
    {
        var text = ""
        for (index, element) in elements.enumerated() {
            let next = TemplateValue.data(element).text
            try budget.take(next.utf8.count + separator.utf8.count)
            if index > 0 { text += separator }
            text += next
        }
        return text
    }

    private static func parts(of text: String, separatedBy separator: String, _ budget: inout TemplateBudget)
        throws(TemplateFailure) -> [String]
    {
        try budget.take(text.utf8.count)
        // Each place of the text may be compared with all of the separator.
        let (work, isTooMuch) = text.utf8.count.multipliedReportingOverflow(by: separator.utf8.count)
        try budget.step(over: isTooMuch ? .max : work / 16)
        return separator.isEmpty ? text.map(String.init) : text.components(separatedBy: separator)
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
