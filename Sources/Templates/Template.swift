/// A template of `--format`.
package struct Template: Sendable {
    private let source: String
    private let nodes: [TemplateNode]
    private let limits: TemplateLimits

    /// - Parameter limits: Of the template, and of each time that it is carried out.
    /// - Throws: `TemplateError` in the words of Go's `text/template`.
    package init(_ source: String, limits: TemplateLimits = .commandLine) throws(TemplateError) {
        guard source.utf8.count <= limits.length else { throw .parse("longer than \(limits.length) bytes") }
        self.source = source
        self.limits = limits
        nodes = try TemplateParser.parse(source, nesting: limits.nesting)
    }

    /// What it makes of a value. A text that is longer than the limits allow, or takes more steps, is refused, whatever the value.
    ///
    /// - Parameter forHeader: Functions leave names of columns as they are.
    /// - Throws: `TemplateError` in the words of Go's `text/template`.
    package func render(_ value: TemplateValue, forHeader: Bool = false) throws(TemplateError) -> String {
        var run = TemplateRun(root: value, source: source, isHeader: forHeader, limits: limits)
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
    private var budget: TemplateBudget
    /// The operand that was begun last.
    private var latest: TemplateOperand?

    init(root: TemplateValue, source: String, isHeader: Bool, limits: TemplateLimits) {
        self.source = source
        self.isHeader = isHeader
        budget = TemplateBudget(limits)
        variables = [("", root)]
    }

    mutating func perform(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateError) -> Flow {
        for node in nodes {
            switch node {
            case .text(let text): try write(text)
            case .action(let pipeline):
                let value = try evaluate(pipeline, dot)
                if pipeline.variables.isEmpty { try write(value.text) }
            case .when(let condition, let then, let otherwise, let rebinds):
                let depth = variables.count
                let value = try evaluate(condition, dot)
                let flow = try perform(value.isTrue ? then : otherwise, value.isTrue && rebinds ? value : dot)
                forgetVariables(beyond: depth)
                if flow != .next { return flow }
            case .range(let pipeline, let each, let otherwise): try range(pipeline, each, otherwise, dot)
            case .leave: return .leave
            case .skip: return .skip
            }
        }
        return .next
    }

    private mutating func forgetVariables(beyond depth: Int) {
        variables.removeSubrange(variables.indices.dropFirst(depth))
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        do throws(TemplateFailure) { try budget.take(text.utf8.count) } catch { throw spent(error) }
        output += text
    }

    private mutating func step(over elements: Int = 0) throws(TemplateError) {
        do throws(TemplateFailure) { try budget.step(over: elements) } catch { throw spent(error) }
    }

    /// Told where the last operand stands.
    private func spent(_ failure: TemplateFailure) -> TemplateError {
        guard let latest else { return .execution("template: :1: executing \"\": \(failure.reason)") }
        return located(failure.reason, latest, shown: latest.text)
    }

    private mutating func range(
        _ pipeline: TemplatePipeline, _ each: [TemplateNode], _ otherwise: [TemplateNode], _ dot: TemplateValue
    ) throws(TemplateError) {
        let depth = variables.count
        defer { forgetVariables(beyond: depth) }
        var plain = pipeline
        plain.variables = []
        let value = try evaluate(plain, dot).data
        var isEmpty = true
        func round(_ run: inout TemplateRun, _ key: JSON, _ item: JSON) throws(TemplateError) -> Flow {
            isEmpty = false
            try run.step()
            run.forgetVariables(beyond: depth)
            let names = pipeline.variables
            if names.count == 2, let first = names.first { run.variables.append((first, .data(key))) }
            if let last = names.last { run.variables.append((last, .data(item))) }
            return try run.perform(each, .data(item))
        }
        switch value {
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                if try round(&self, JSON(index), element) == .leave { return }
            }
        case .object(let members):
            // To be sorted, each is looked at more than once.
            for _ in members { try step() }
            for member in members.sorted(by: { $0.name < $1.name }) {
                if try round(&self, .string(member.name), member.value) == .leave { return }
            }
        case .number:
            for number in 0..<max(0, value.integer ?? 0) {
                if try round(&self, JSON(number), JSON(number)) == .leave { return }
            }
        case .null: break
        default: throw .execution("range can't iterate over \(TemplateValue.data(value).text)")
        }
        if isEmpty { _ = try perform(otherwise, dot) }
    }

    private mutating func evaluate(_ pipeline: TemplatePipeline, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        var value: TemplateValue?
        for command in pipeline.commands { value = try call(command, dot, piped: value) }
        let result = value ?? .data(.null)
        for name in pipeline.variables {
            try step()
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
        latest = first
        var arguments: [TemplateValue] = []
        for operand in command.dropFirst() { arguments.append(try self.value(of: operand, dot)) }
        if let piped { arguments.append(piped) }
        if case .function(let name) = first.kind {
            try step()
            let result: TemplateValue
            do throws(TemplateFailure) {
                result = try TemplateFunctions.call(name, arguments, isHeader: isHeader, &budget)
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
        guard let word = arguments.first?.text, arguments.count == 1 else {
            throw located(
                "wrong number of args for \(name): want 1 got \(arguments.count)", first, shown: ".\(name)")
        }
        let result = method(word)
        do throws(TemplateFailure) { try budget.take(word.utf8.count + result.utf8.count) } catch { throw spent(error) }
        return .data(.string(result))
    }

    private mutating func value(of operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        try step()
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

    private mutating func fields(_ names: [String], of start: TemplateValue, _ operand: TemplateOperand)
        throws(TemplateError) -> TemplateValue
    {
        var value = start
        var holder: String?
        for (index, name) in names.enumerated() {
            defer { holder = name }
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
                try step(over: members.count)
                // Docker's clients know fields by Go's names, which differ from those on the wire in case only.
                let small = name.lowercased()
                let member =
                    members.first { $0.name == name }
                    ?? members.first { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == small }
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
