/// A piece of a template.
indirect enum TemplateNode: Sendable {
    case text(String)
    case action(TemplatePipeline)
    case when(TemplatePipeline, then: [TemplateNode], otherwise: [TemplateNode], rebinds: Bool)
    case range(TemplatePipeline, each: [TemplateNode], otherwise: [TemplateNode])
    case leave
    case skip
}

/// `$a, $b := command | command`
struct TemplatePipeline: Sendable {
    var variables: [String] = []
    var declares = false
    var commands: [[TemplateOperand]] = []
}

struct TemplateOperand: Sendable {
    indirect enum Kind: Sendable {
        case dot
        case variable(String)
        case function(String)
        case literal(JSON)
        case pipeline(TemplatePipeline)
    }
    let kind: Kind
    /// The fields that follow: `.A.B`.
    var fields: [String]
    /// Where it stands in the template, for messages.
    let offset: Int

    /// As messages show it.
    var text: String {
        let head =
            switch kind {
            case .dot: fields.isEmpty ? "." : ""
            case .variable(let name): "$\(name)"
            case .function(let name): name
            case .literal(let value): value.compact()
            case .pipeline: "(…)"
            }
        return head + fields.map { ".\($0)" }.joined()
    }
}

/// Reads Go's template language as far as formats use it: fields, variables, pipelines, functions, `if`, `with`, `range`.
struct TemplateParser {
    private var tokens: ArraySlice<(token: TemplateLexer.Token, offset: Int)>
    /// Of blocks and parentheses: each takes its part of the stack, here and when the template is carried out.
    private var depth = 0
    private let deepest: Int

    private init(tokens: ArraySlice<(token: TemplateLexer.Token, offset: Int)>, deepest: Int) {
        self.tokens = tokens
        self.deepest = deepest
    }

    private mutating func descend() throws(TemplateError) {
        depth += 1
        guard depth <= deepest else { throw failure("nested too deep") }
    }

    /// - Parameter nesting: Of blocks and parentheses, how deep it may be.
    static func parse(_ source: String, nesting: Int) throws(TemplateError) -> [TemplateNode] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source)[...], deepest: nesting)
        let (nodes, end) = try parser.nodes(inBlock: false)
        guard end.isEmpty else { throw TemplateError.parse("unexpected {{\(end)}}") }
        return nodes
    }

    private mutating func skipSpace() { while tokens.first?.token == .space { tokens = tokens.dropFirst() } }

    private func failure(_ what: String) -> TemplateError { TemplateError.parse(what) }

    /// - Returns: What comes before `{{end}}` or `{{else}}`, and which of them it was.
    private mutating func nodes(inBlock: Bool) throws(TemplateError) -> ([TemplateNode], String) {
        var nodes: [TemplateNode] = []
        while let (token, _) = tokens.popFirst() {
            if case .text(let text) = token {
                nodes.append(.text(text))
                continue
            }
            skipSpace()
            guard case .word(let word)? = tokens.first?.token,
                ["if", "with", "range", "end", "else", "break", "continue", "define", "template", "block"].contains(
                    word)
            else {
                nodes.append(.action(try pipeline(until: .close)))
                continue
            }
            tokens = tokens.dropFirst()
            switch word {
            case "end", "else":
                if word == "end" { try close() }
                return (nodes, word)
            case "break", "continue":
                try close()
                nodes.append(word == "break" ? .leave : .skip)
            case "if", "with", "range": nodes.append(try block(word))
            default: throw failure("{{\(word)}} is not supported")
            }
        }
        if inBlock { throw failure("unexpected EOF") }
        return (nodes, "")
    }

    private mutating func close() throws(TemplateError) {
        skipSpace()
        guard tokens.popFirst()?.token == .close else { throw failure("unexpected token in end") }
    }

    private mutating func block(_ word: String) throws(TemplateError) -> TemplateNode {
        try descend()
        defer { depth -= 1 }
        let condition = try pipeline(until: .close)
        let (body, end) = try nodes(inBlock: true)
        var otherwise: [TemplateNode] = []
        if end == "else" {
            skipSpace()
            if case .word(let next)? = tokens.first?.token, next == "if" || next == "with" {
                tokens = tokens.dropFirst()
                // `{{else if}}` closes with the block it belongs to.
                otherwise = [try block(next)]
            } else {
                try close()
                let (rest, last) = try nodes(inBlock: true)
                guard last == "end" else { throw failure("expected end; found {{else}}") }
                otherwise = rest
            }
        }
        if word == "range" { return .range(condition, each: body, otherwise: otherwise) }
        return .when(condition, then: body, otherwise: otherwise, rebinds: word == "with")
    }

    private mutating func pipeline(until end: TemplateLexer.Token) throws(TemplateError) -> TemplatePipeline {
        try descend()
        defer { depth -= 1 }
        var pipeline = TemplatePipeline()
        skipSpace()
        try variables(into: &pipeline)
        var command: [TemplateOperand] = []
        while let (token, offset) = tokens.first {
            if token == end {
                tokens = tokens.dropFirst()
                guard !command.isEmpty else { throw failure("missing value for command") }
                pipeline.commands.append(command)
                return pipeline
            }
            switch token {
            case .space: tokens = tokens.dropFirst()
            case .pipe:
                tokens = tokens.dropFirst()
                guard !command.isEmpty else { throw failure("missing value for command") }
                pipeline.commands.append(command)
                command = []
            default: command.append(try operand(token, offset))
            }
        }
        throw failure("unclosed action")
    }

    /// `$x :=`, `$i, $x :=` or `$x =` at the start of a pipeline.
    private mutating func variables(into pipeline: inout TemplatePipeline) throws(TemplateError) {
        var rest = tokens
        var names: [String] = []
        while case .variable(let name)? = rest.first?.token, !name.isEmpty {
            names.append(name)
            rest = rest.dropFirst()
            while rest.first?.token == .space { rest = rest.dropFirst() }
            guard rest.first?.token == .comma else { break }
            rest = rest.dropFirst()
            while rest.first?.token == .space { rest = rest.dropFirst() }
        }
        guard !names.isEmpty, let sign = rest.first?.token, sign == .declare || sign == .assign else { return }
        rest = rest.dropFirst()
        pipeline.variables = names
        pipeline.declares = sign == .declare
        tokens = rest
    }

    private mutating func operand(_ token: TemplateLexer.Token, _ start: Int) throws(TemplateError) -> TemplateOperand {
        tokens = tokens.dropFirst()
        var offset = start
        var fields: [String] = []
        let kind: TemplateOperand.Kind
        switch token {
        case .dot: kind = .dot
        case .field(let name):
            kind = .dot
            fields = [name]
        case .variable(let name): kind = .variable(name)
        case .string(let text): kind = .literal(.string(text))
        case .number(let digits):
            guard let value = GoText.integer(digits) else {
                guard Double(digits) != nil else { throw failure("bad number syntax: \(GoText.quoted(digits))") }
                kind = .literal(.number(digits))
                break
            }
            kind = .literal(JSON(value))
        case .word("true"): kind = .literal(true)
        case .word("false"): kind = .literal(false)
        case .word("nil"): kind = .literal(.null)
        case .word(let name):
            guard TemplateFunctions.names.contains(name) else {
                throw failure("function \(GoText.quoted(name)) not defined")
            }
            kind = .function(name)
        case .leftParenthesis: kind = .pipeline(try pipeline(until: .rightParenthesis))
        default: throw failure("unexpected token in operand")
        }
        while case .field(let name)? = tokens.first?.token {
            // The place of a chain is that of its second part.
            if fields.count == 1 { offset = tokens.first?.offset ?? offset }
            fields.append(name)
            tokens = tokens.dropFirst()
        }
        return TemplateOperand(kind: kind, fields: fields, offset: offset)
    }
}
