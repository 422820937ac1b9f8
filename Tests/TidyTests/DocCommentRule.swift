/// Finds what other targets use and no doc comment explains. It reads text that `swift format` has laid out, not syntax.
///
/// Counted are types, functions, subscripts, what package's protocols require, initialisers that can fail or wait, and stored or computed
/// values of which the type leaves out what matters: dictionaries have keys, unless they are labels, and bare numbers units, unless their names end
/// with what they count.
///
/// Not counted: other names of types, which are explained where they are declared; initialisers that only take a type's parts; other values,
/// whose names say what they are; what a protocol of the package requires of the type, since the protocol explains it, or one of the standard
/// library's. Which protocols a type conforms to the headers of types and extensions say, in any file; a type counts by the last part of its name.
struct DocCommentRule {
    struct Finding: Equatable, CustomStringConvertible {
        let path: String
        /// From 1.
        let line: Int
        let name: String

        var description: String { "\(path):\(line) \(name)" }
    }

    /// A target's declarations that want a comment.
    struct Count: Equatable {
        var all = 0
        var missing: [Finding] = []
    }

    struct Declaration {
        let line: Int
        let kind: String
        /// `name(label:label:)` of functions and initialisers.
        let name: String
        /// The type or protocol that it is in, by the last part of its name.
        let owner: String?
        let isRequirement: Bool
        let isDocumented: Bool
        let isCounted: Bool
    }

    private static let types: Set<String> = [
        "struct", "class", "enum", "actor", "protocol", "associatedtype",
    ]
    private static let modifiers: Set<String> = [
        "static", "final", "mutating", "nonmutating", "nonisolated", "nonisolated(unsafe)", "override", "indirect",
        "convenience", "required", "distributed", "borrowing", "consuming", "package(set)", "private(set)",
        "fileprivate(set)", "unowned", "weak", "lazy",
    ]
    private static let access: Set<String> = ["package", "public", "open"]
    /// Last words of names that say what a number counts.
    private static let units = [
        "bytes", "packets", "errors", "seconds", "milliseconds", "microseconds", "nanoseconds", "count", "port", "pid",
        "uid", "gid", "code",
    ]
    /// What the standard library and the packages below explain.
    private static let known: Set<String> = [
        "hash(into:)", "advanced(by:)", "duration(to:)", "sleep(until:tolerance:)", "encode(to:)", "init(from:)",
        "run()", "next()",
        "makeAsyncIterator()",
    ]

    /// By target, of files of `Sources` by their paths.
    static func counts(in files: [(path: String, target: String, lines: [String])]) -> [String: Count] {
        let found = files.map { (file: $0, parts: parts(of: $0.lines)) }
        var required: [String: Set<String>] = [:]
        var parents: [String: Set<String>] = [:]
        for (_, parts) in found {
            for declaration in parts.declarations where declaration.isRequirement && declaration.kind != "init" {
                required[declaration.owner ?? "", default: []].insert(declaration.name)
            }
            for header in parts.headers { parents[header.name, default: []].formUnion(header.parents) }
        }
        func isRequired(_ name: String, of owner: String) -> Bool {
            ancestors(of: owner, in: parents).contains { required[$0]?.contains(name) == true }
        }
        var counts: [String: Count] = [:]
        for (file, parts) in found {
            for declaration in parts.declarations where declaration.isCounted {
                if !declaration.isRequirement, let owner = declaration.owner, isRequired(declaration.name, of: owner) {
                    continue
                }
                counts[file.target, default: Count()].all += 1
                if declaration.isDocumented { continue }
                counts[file.target, default: Count()].missing
                    .append(Finding(path: file.path, line: declaration.line, name: declaration.name))
            }
        }
        return counts
    }

    /// The type itself, and whatever it conforms to or inherits from.
    private static func ancestors(of name: String, in parents: [String: Set<String>]) -> Set<String> {
        var found: Set<String> = [name]
        var open = [name]
        while let next = open.popLast() {
            for parent in parents[next] ?? [] where found.insert(parent).inserted { open.append(parent) }
        }
        return found
    }

    private static func parts(of lines: [String]) -> (declarations: [Declaration], headers: [Header]) {
        var found: [Declaration] = []
        var headers: [Header] = []
        // The indentation of a protocol that others use, while its body lasts.
        var protocolIndent: Int?
        // The types around the line, outermost first.
        var scopes: [(indent: Int, name: String)] = []
        for (number, line) in lines.enumerated() {
            let text = line.drop { $0 == " " }
            let indent = line.utf8.count - text.utf8.count
            if let outer = protocolIndent, indent == outer, text.first == "}" { protocolIndent = nil }
            let isInProtocol = protocolIndent.map { indent == $0 + 4 } ?? false
            guard var declaration = Words(text) else { continue }
            scopes.removeAll { $0.indent >= indent }
            let owner = scopes.last?.name
            if let header = Header(declaration, lines[number...]) {
                headers.append(header)
                if !header.isComposition { scopes.append((indent, header.name)) }
            }
            guard isInProtocol || access.contains(declaration.access) else { continue }
            if declaration.kind == "protocol", text.last == "{" { protocolIndent = indent }
            var key = ""
            var signature = ""
            if ["func", "init", "subscript"].contains(declaration.kind) {
                signature = Self.signature(lines[number...])
                if declaration.kind != "func" { declaration.name = declaration.kind }
                key = "\(declaration.name)(\(labels(signature)))"
            }
            found.append(
                Declaration(
                    line: number + 1, kind: declaration.kind, name: key.isEmpty ? declaration.name : key,
                    owner: owner, isRequirement: isInProtocol, isDocumented: isDocumented(number, lines),
                    isCounted: isCounted(declaration, key, signature, isRequirement: isInProtocol)))
        }
        return (found, headers)
    }

    private static func isCounted(_ words: Words, _ key: String, _ signature: String, isRequirement: Bool) -> Bool {
        if types.contains(words.kind) || words.kind == "subscript" { return true }
        if known.contains(key) || words.modifiers.contains("override") { return false }
        switch words.kind {
        case "func": return !["==", "<"].contains(words.name)
        case "init":
            return isRequirement || words.rest.hasPrefix("?") || effects(signature).contains(#/\b(async|throws)\b/#)
        case "var", "let":
            if isRequirement { return true }
            guard let colon = words.rest.firstIndex(of: ":") else { return false }
            let type = words.rest[words.rest.index(after: colon)...].prefix { $0 != "=" && $0 != "{" }.trimmingSpaces
            let name = words.name.lowercased()
            return isDictionary(type) && !name.hasSuffix("labels")
                || isNumber(type) && !units.contains { name.hasSuffix($0) }
        default: return false
        }
    }

    private static func isDictionary(_ type: Substring) -> Bool { type.hasPrefix("[") && type.contains(":") }

    private static func isNumber(_ type: Substring) -> Bool {
        type.wholeMatch(of: #/(U?Int\d*|CInt|Double|Float|[pug]id_t|mode_t)\??/#) != nil
    }

    private static func isDocumented(_ number: Int, _ lines: [String]) -> Bool {
        // Attributes may stand on lines of their own.
        let above = lines[..<number].last { !$0.contains(#/^ *@\w+(\(.*\))?$/#) } ?? ""
        return above.drop { $0 == " " }.hasPrefix("///")
    }

    /// From the declaration's first line to its body, at most some lines further down.
    private static func signature(_ lines: ArraySlice<String>) -> String {
        var text = ""
        var depth = 0
        for line in lines.prefix(14) {
            let line = line.drop { $0 == " " }
            if depth <= 0, !text.isEmpty, !line.contains(#/^(->|async|throws|where|\))/#) { break }
            text += " " + line
            depth += line.count { "([".contains($0) } - line.count { ")]".contains($0) }
        }
        return text
    }

    /// What stands behind the first parentheses: an initialiser may also take closures that throw.
    private static func effects(_ signature: String) -> Substring {
        var depth = 0
        for index in signature.indices {
            if signature[index] == "(" { depth += 1 }
            if signature[index] == ")" {
                depth -= 1
                if depth == 0 { return signature[index...].prefix { $0 != "{" } }
            }
        }
        return ""
    }

    /// The labels of the first parentheses, each with its colon.
    private static func labels(_ signature: String) -> String {
        var labels = ""
        var depth = 0
        var parameter = ""
        func label() -> String {
            let words = parameter.prefix { $0 != ":" }.split(separator: " ").filter { !$0.hasPrefix("@") }
            return words.first.map { "\($0):" } ?? ""
        }
        for character in signature.drop(while: { $0 != "(" }) {
            if "([{".contains(character) { depth += 1 }
            if ")]}".contains(character) { depth -= 1 }
            if depth == 0 { return labels + label() }
            if character == ",", depth == 1 {
                labels += label()
                parameter = ""
            } else if depth > 1 || character != "(" {
                parameter.append(character)
            }
        }
        return labels
    }

    /// The beginning of a type, a protocol, an extension or a composition of protocols.
    private struct Header {
        /// The last part of it: `B` of `A.B`.
        let name: String
        let isComposition: Bool
        /// What it conforms to or inherits from, each by the last part of its name.
        let parents: Set<String>

        /// - Parameter lines: From the one on that the words are of.
        init?(_ words: Words, _ lines: ArraySlice<String>) {
            guard words.isHeader else { return nil }
            let full = words.rest.drop { $0 == " " }.prefix { $0.isLetter || $0.isNumber || "_.".contains($0) }
            name = String(full.split(separator: ".").last ?? full)
            isComposition = words.kind == "typealias"
            guard !isComposition else {
                let parts = words.rest.drop { $0 != "=" }.dropFirst()
                parents = parts.contains("&") ? Self.names(parts) : []
                return
            }
            var text = String(words.rest)
            for line in lines.dropFirst().prefix(6) where !text.contains("{") { text += " \(line)" }
            // Of generic parameters no constraint counts.
            var depth = 0
            var clause = ""
            for character in text.prefix(while: { $0 != "{" }) {
                if "<([".contains(character) { depth += 1 }
                if depth == 0 { clause.append(character) }
                if ">)]".contains(character) { depth -= 1 }
            }
            let bare = clause.split(separator: " ").prefix { $0 != "where" }.joined(separator: " ")
            parents = Self.names(bare.drop { $0 != ":" }.dropFirst())
        }

        /// Without attributes, generic arguments and the modules or types in front.
        private static func names(_ text: Substring) -> Set<String> {
            let parts = text.split { $0 == "," || $0 == "&" }.compactMap { part in
                part.split(separator: " ").last?.prefix { $0 != "<" }.split(separator: ".").last
            }
            return Set(parts.map(String.init))
        }
    }

    /// The words in front of what a line declares.
    private struct Words {
        var access = ""
        var modifiers: Set<String> = []
        let kind: String
        var name: String
        /// What follows the kind of declaration.
        let rest: Substring
        /// Whether a type begins here, an extension, or another name for types.
        var isHeader: Bool {
            kind != "associatedtype" && (DocCommentRule.types.contains(kind) || Self.others.contains(kind))
        }

        private static let others: Set<String> = ["extension", "typealias"]

        init?(_ line: Substring) {
            var text = line
            while text.first == "@" {
                // With their arguments, as in `@available(…)`.
                text = text.drop { $0 != " " && $0 != "(" }
                if text.first == "(" { text = text.drop { $0 != ")" }.dropFirst() }
                text = text.drop { $0 == " " }
            }
            while true {
                let word = String(text.prefix { $0.isLetter || $0 == "(" || $0 == ")" })
                let following = text.dropFirst(word.count).drop { $0 == " " }
                if word == "class", following.hasPrefix("func ") || following.hasPrefix("var ") {
                    modifiers.insert(word)
                } else if DocCommentRule.access.contains(word) || ["private", "fileprivate", "internal"].contains(word)
                {
                    access = word
                } else if DocCommentRule.modifiers.contains(word) {
                    modifiers.insert(word)
                } else {
                    break
                }
                text = following
            }
            let kind = String(text.prefix { $0.isLetter })
            guard
                DocCommentRule.types.contains(kind) || Self.others.contains(kind)
                    || ["func", "init", "subscript", "var", "let"].contains(kind)
            else {
                return nil
            }
            self.kind = kind
            rest = text.dropFirst(kind.count)
            let start = rest.drop { $0 == " " }
            let word = start.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "`" }
            name = String(word.isEmpty ? start.prefix { $0 != "(" && $0 != " " } : word)
        }
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = drop { $0 == " " }
        while text.last == " " { text = text.dropLast() }
        return text
    }
}
