/// A template of `--format`.
package struct Template: Sendable {
    private let source: String
    private let nodes: [TemplateNode]

    /// - Throws: `TemplateError` in the words of Go's `text/template`.
    package init(_ source: String) throws(TemplateError) {
        self.source = source
        nodes = try TemplateParser.parse(source)
    }

    /// - Parameter forHeader: Functions leave names of columns as they are.
    package func render(_ value: TemplateValue, forHeader: Bool = false) throws(TemplateError) -> String {
        var run = TemplateRun(root: value, source: source, isHeader: forHeader)
        _ = try run.perform(nodes, value)
        return run.output
    }
}

/// One pass over a template.
struct TemplateRun {
    enum Flow { case next, leave, skip }

    private let source: String
    private let isHeader: Bool
    /// The innermost last.
    private var variables: [(name: String, value: TemplateValue)]
    private(set) var output = ""

    init(root: TemplateValue, source: String, isHeader: Bool) {
        self.source = source
        self.isHeader = isHeader
        variables = [("", root)]
    }

    mutating func perform(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateError) -> Flow {
        for node in nodes {
            switch node {
            case .text(let text): output += text
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot)
                if pipeline.variables.isEmpty { output += value.text }
            case .when(let condition, let then, let otherwise, let rebinds):
                let depth = variables.count
                let value = try evaluate(condition, dot)
                let flow = try perform(value.isTrue ? then : otherwise, value.isTrue && rebinds ? value : dot)
                variables.removeLast(variables.count - depth)
                if flow != .next { return flow }
            case .range(let pipeline, let each, let otherwise): try range(pipeline, each, otherwise, dot)
            case .leave: return .leave
            case .skip: return .skip
            }
        }
        return .next
    }

    private mutating func range(
        _ pipeline: TemplatePipeline, _ each: [TemplateNode], _ otherwise: [TemplateNode], _ dot: TemplateValue
    ) throws(TemplateError) {
        let depth = variables.count
        defer { variables.removeLast(variables.count - depth) }
        var plain = pipeline
        plain.variables = []
        let value = try evaluate(plain, dot).data
        let items: [(JSON, JSON)]
        switch value {
        case .array(let elements): items = elements.enumerated().map { (JSON($0.offset), $0.element) }
        case .object(let members): items = members.sorted { $0.name < $1.name }.map { (.string($0.name), $0.value) }
        case .number: items = (0..<max(0, value.integer ?? 0)).map { (JSON($0), JSON($0)) }
        case .null: items = []
        default: throw .execution("range can't iterate over \(TemplateValue.data(value).text)")
        }
        if items.isEmpty {
            _ = try perform(otherwise, dot)
            return
        }
        for (key, item) in items {
            variables.removeLast(variables.count - depth)
            let names = pipeline.variables
            if names.count == 2 { variables.append((names[0], .data(key))) }
            if let last = names.last { variables.append((last, .data(item))) }
            if try perform(each, .data(item)) == .leave { return }
        }
    }

    private mutating func evaluate(_ pipeline: TemplatePipeline, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        var value: TemplateValue?
        for command in pipeline.commands { value = try call(command, dot, piped: value) }
        let result = value ?? .data(.null)
        for name in pipeline.variables {
            if pipeline.declares {
                variables.append((name, result))
            } else if let index = variables.lastIndex(where: { $0.name == name }) {
                variables[index].value = result
            } else {
                throw .execution("undefined variable \"$\(name)\"")
            }
        }
        return result
    }

    private mutating func call(_ command: [TemplateOperand], _ dot: TemplateValue, piped: TemplateValue?)
        throws(TemplateError) -> TemplateValue
    {
        guard let first = command.first else { return .data(.null) }
        var arguments: [TemplateValue] = []
        for operand in command.dropFirst() { arguments.append(try self.value(of: operand, dot)) }
        if let piped { arguments.append(piped) }
        if case .function(let name) = first.kind {
            let result: TemplateValue
            do throws(TemplateFailure) {
                result = try TemplateFunctions.call(name, arguments, isHeader: isHeader)
            } catch { throw located("error calling \(name): \(error.reason)", first, shown: name) }
            return try fields(first.fields, of: result, first)
        }
        guard !arguments.isEmpty else { return try value(of: first, dot) }
        // A field that takes words: `.Label "name"`.
        var owner = first
        let name = owner.fields.popLast() ?? ""
        guard case .row(let row) = try value(of: owner, dot), let method = row.methods[name] else {
            throw located("\(name) is not a method but has arguments", first, shown: first.text)
        }
        guard arguments.count == 1 else {
            throw located(
                "wrong number of args for \(name): want 1 got \(arguments.count)", first, shown: ".\(name)")
        }
        return .data(.string(method(arguments[0].text)))
    }

    private mutating func value(of operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        let start: TemplateValue
        switch operand.kind {
        case .dot: start = dot
        case .literal(let value): start = .data(value)
        case .function: return try call([operand], dot, piped: nil)
        case .pipeline(let pipeline): start = try evaluate(pipeline, dot)
        case .variable(let name):
            guard let known = variables.last(where: { $0.name == name }) else {
                throw .parse("undefined variable \"$\(name)\"")
            }
            start = known.value
        }
        return try fields(operand.fields, of: start, operand)
    }

    private func fields(_ names: [String], of start: TemplateValue, _ operand: TemplateOperand) throws(TemplateError)
        -> TemplateValue
    {
        var value = start
        for (index, name) in names.enumerated() {
            let holder = index > 0 ? names[index - 1] : nil
            switch value {
            case .row(let row):
                if row.methods[name] != nil, !isHeader {
                    throw located("wrong number of args for \(name): want 1 got 0", operand, shown: operand.text)
                }
                guard let field = row.fields[name] ?? row.quietFields[name] else {
                    if isHeader { return .data(.null) }
                    let type = row.typeName.map { " in type \($0)" } ?? ""
                    throw located("can't evaluate field \(name)\(type)", operand, shown: operand.text)
                }
                value = .data(field)
            case .data(.object(let members)):
                // Docker's clients know fields by Go's names, which differ from those on the wire in case only.
                let member =
                    members.first { $0.name == name }
                    ?? members.first { $0.name.lowercased() == name.lowercased() }
                if let member, !member.value.isNull {
                    value = .data(member.value)
                    continue
                }
                // What is missing in a map has no value, and neither has what is asked of that.
                if AbsentFields.isMap(holder) { return .data(.null) }
                let isLast = index == names.count - 1
                if let absent = AbsentFields.value(name, of: members, in: holder) {
                    // What is asked of nothing is told as it is of any object.
                    if case .pointer = absent, !isLast, member == nil { throw missing(name, operand) }
                    value = .absent(absent)
                } else if member != nil {
                    value = .data(.null)
                } else {
                    throw missing(name, operand)
                }
            case .absent(.map): return .data(.null)
            case .data(.null), .absent:
                throw located("nil pointer evaluating interface {}.\(name)", operand, shown: operand.text)
            case .data:
                throw located(
                    "can't evaluate field \(name) in type \(value.typeName)", operand, shown: operand.text)
            }
        }
        return value
    }

    private func missing(_ name: String, _ operand: TemplateOperand) -> TemplateError {
        located("map has no entry for key \(GoText.quoted(name))", operand, shown: operand.text)
    }

    /// With line and column, as Go gives them.
    private func located(_ what: String, _ operand: TemplateOperand, shown: String) -> TemplateError {
        let before = source.prefix(operand.offset)
        let line = before.count { $0 == "\n" } + 1
        let column =
            before.count
            - (before.lastIndex(of: "\n").map { before.distance(from: before.startIndex, to: $0) + 1 } ?? 0)
        return .execution("template: :\(line):\(column): executing \"\" at <\(shown)>: \(what)")
    }
}
