/// What a template is made of: text, and between `{{` and `}}` words of the template language.
struct TemplateLexer {
    enum Token: Equatable {
        case text(String)
        case open
        case close
        /// `.Name`
        case field(String)
        case dot
        /// `$name`; empty for `$` by itself.
        case variable(String)
        case word(String)
        case string(String)
        case number(String)
        case pipe, leftParenthesis, rightParenthesis, declare, assign, comma
        /// Blanks between operands: `.A .B` are two, `.A.B` is one.
        case space
    }

    private let source: [Character]
    private var position = 0
    private(set) var tokens: [(token: Token, offset: Int)] = []

    static func tokens(of source: String) throws(TemplateError) -> [(token: Token, offset: Int)] {
        var lexer = TemplateLexer(source: Array(source))
        try lexer.run()
        return lexer.tokens
    }

    private init(source: [Character]) { self.source = source }

    private func starts(with text: String, at index: Int) -> Bool {
        source.dropFirst(index).starts(with: text)
    }

    private mutating func run() throws(TemplateError) {
        var text = ""
        var trimsNext = false
        func flush(_ tokens: inout [(token: Token, offset: Int)], trimEnd: Bool, at offset: Int) {
            var plain = Substring(text)
            if trimsNext { plain = plain.drop(while: \.isWhitespace) }
            if trimEnd { while plain.last?.isWhitespace == true { plain = plain.dropLast() } }
            if !plain.isEmpty { tokens.append((.text(String(plain)), offset)) }
        }
        while position < source.count {
            guard starts(with: "{{", at: position) else {
                text.append(source[position])
                position += 1
                continue
            }
            let trims =
                starts(with: "{{-", at: position) && source.dropFirst(position + 3).first?.isWhitespace == true
            flush(&tokens, trimEnd: trims, at: position)
            text = ""
            position += trims ? 3 : 2
            // Only the mark's blank may stand before a comment.
            if trims, starts(with: "/*", at: position + 1) { position += 1 }
            trimsNext = starts(with: "/*", at: position) ? try comment() : try action()
        }
        flush(&tokens, trimEnd: false, at: position)
    }

    private mutating func comment() throws(TemplateError) -> Bool {
        while position < source.count, !starts(with: "*/", at: position) { position += 1 }
        position += 2
        if starts(with: " -}}", at: position) {
            position += 4
            return true
        }
        guard starts(with: "}}", at: position) else { throw TemplateError.parse("unclosed comment") }
        position += 2
        return false
    }

    /// - Returns: Whether the text behind loses its leading blanks.
    private mutating func action() throws(TemplateError) -> Bool {
        tokens.append((.open, position))
        while position < source.count {
            if starts(with: "}}", at: position) {
                tokens.append((.close, position))
                position += 2
                return false
            }
            if starts(with: " -}}", at: position) {
                tokens.append((.close, position))
                position += 4
                return true
            }
            let start = position
            tokens.append((try token(), start))
        }
        throw TemplateError.parse("unclosed action")
    }

    private mutating func token() throws(TemplateError) -> Token {
        guard position < source.count else { throw TemplateError.parse("unclosed action") }
        let character = source[position]
        position += 1
        switch character {
        case let blank where blank.isWhitespace:
            while position < source.count, source[position].isWhitespace, !starts(with: " -}}", at: position) {
                position += 1
            }
            return .space
        case "|": return .pipe
        case "(": return .leftParenthesis
        case ")": return .rightParenthesis
        case ",": return .comma
        case "=": return .assign
        case ":":
            guard starts(with: "=", at: position) else { throw TemplateError.parse("expected :=") }
            position += 1
            return .declare
        case ".":
            if position < source.count, source[position].isNumber { return number(from: position - 1) }
            let name = word()
            return name.isEmpty ? .dot : .field(name)
        case "$": return .variable(word())
        case "\"": return .string(try quoted())
        case "`":
            let start = position
            while position < source.count, source[position] != "`" { position += 1 }
            guard position < source.count else { throw TemplateError.parse("unterminated raw quoted string") }
            defer { position += 1 }
            return .string(String(source.prefix(position).dropFirst(start)))
        case let digit where digit.isNumber || digit == "-" || digit == "+": return number(from: position - 1)
        case let letter where letter.isLetter || letter == "_":
            position -= 1
            return .word(word())
        default: throw TemplateError.parse("unexpected \(GoText.quoted(String(character))) in operand")
        }
    }

    private mutating func word() -> String {
        let start = position
        while position < source.count, source[position].isLetter || source[position].isNumber || source[position] == "_"
        {
            position += 1
        }
        return String(source.prefix(position).dropFirst(start))
    }

    private mutating func number(from start: Int) -> Token {
        while position < source.count,
            source[position].isNumber || ".xeE_".contains(source[position])
                || source[position].isHexDigit
        {
            position += 1
        }
        return .number(String(source.prefix(position).dropFirst(start)))
    }

    private mutating func quoted() throws(TemplateError) -> String {
        var text = ""
        while position < source.count {
            let character = source[position]
            position += 1
            if character == "\"" { return text }
            guard character == "\\", position < source.count else {
                text.append(character)
                continue
            }
            let escaped = source[position]
            position += 1
            switch escaped {
            case "n": text.append("\n")
            case "t": text.append("\t")
            case "r": text.append("\r")
            default: text.append(escaped)
            }
        }
        throw TemplateError.parse("unterminated quoted string")
    }
}

/// Why a template cannot be read or carried out.
package struct TemplateError: Error, Equatable, CustomStringConvertible {
    /// Whether the template itself is wrong, not its use on a value.
    package let isInSyntax: Bool
    package let description: String

    static func parse(_ what: String) -> TemplateError {
        TemplateError(isInSyntax: true, description: "template: :1: \(what)")
    }

    static func execution(_ what: String) -> TemplateError {
        TemplateError(isInSyntax: false, description: what)
    }
}
