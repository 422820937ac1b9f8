/// Finds steps that are taken back where a cancellation can cut that short. A step often fails because its task is cancelled, and then so is
/// whatever is awaited next in that task: a call is not sent, a pause ends at once, and what was begun stays.
///
/// A `catch` takes a step back when its last statement throws, or when it is there for a cancellation. What such a one awaits stands within
/// `uncancelled`, or `onThread`, which is not cut short; or a comment says what a cancellation does to it. The rule reads text that `swift format` has
/// laid out, not syntax.
struct UndoRule {
    /// Line numbers, from 0.
    struct Undo: Equatable {
        /// Where its `catch` is.
        let line: Int
        /// What it awaits in the open.
        let awaits: [Int]
    }

    /// - Parameter lines: As they are in the file.
    static func undos(in lines: [String]) -> [Undo] {
        var found: [Undo] = []
        for number in lines.indices where TidyTests.has("catch", in: lines[number]) {
            for block in blocks(in: lines, at: number) where isUndo(block, lines) {
                let open = awaits(in: block.body).filter { !isExplained($0, in: lines) }
                found.append(Undo(line: number, awaits: open))
            }
        }
        return found
    }

    private static func isUndo(_ block: Block, _ lines: [String]) -> Bool {
        if block.pattern.contains("is CancellationError"), !block.pattern.contains("!(") { return true }
        return throwsAtTheEnd(block, lines)
    }

    /// A statement begins four blanks to the right of the brace that ends its block; what else is there closes one.
    private static func throwsAtTheEnd(_ block: Block, _ lines: [String]) -> Bool {
        guard let first = block.body.first, let last = block.body.last else { return false }
        if first.line == last.line { return first.code.drop { $0 == " " }.hasPrefix("throw ") }
        let indent = lines[last.line].prefix { $0 == " " }.count + 4
        for number in (first.line + 1..<last.line).reversed() {
            let text = lines[number].drop { $0 == " " }
            guard lines[number].prefix(while: { $0 == " " }).count == indent, let mark = text.first,
                !")}]/".contains(mark)
            else { continue }
            return text.hasPrefix("throw ")
        }
        return false
    }

    /// Whether a comment at the line's end or right above says what a cancellation does.
    private static func isExplained(_ number: Int, in lines: [String]) -> Bool {
        func says(_ line: String) -> Bool { line.contains("// ") && line.contains("ancel") }
        if says(lines[number]) { return true }
        for above in lines[..<number].reversed().prefix(TidyTests.farthestReason) {
            let text = above.drop { $0 == " " }
            if text.hasPrefix("//"), says(above) { return true }
            if text.isEmpty || text.hasPrefix("}") { return false }
        }
        return false
    }

    // MARK: Text

    private struct Block {
        /// What it catches, as `let error as RPCError where …`.
        var pattern = ""
        /// What stands between its braces, line by line.
        var body: [(line: Int, code: Substring)] = []
    }

    /// The blocks of the `catch`es of a line; several when all of it stands in one.
    private static func blocks(in lines: [String], at number: Int) -> [Block] {
        let code = TidyTests.code(of: lines[number])
        return code.matches(of: #/\bcatch\b/#).compactMap { match in
            block(code[match.range.upperBound...], number, lines)
        }
    }

    /// - Parameter first: What follows the word in its line.
    private static func block(_ first: Substring, _ number: Int, _ lines: [String]) -> Block? {
        var block = Block()
        var depth = 0
        for line in number..<lines.count {
            let code = line == number ? first : TidyTests.code(of: lines[line])[...]
            var start = code.startIndex
            if depth == 0 {
                guard let open = code.firstIndex(of: "{") else {
                    block.pattern.append(contentsOf: code)
                    continue
                }
                block.pattern.append(contentsOf: code[..<open])
                start = code.index(after: open)
                depth = 1
            }
            for place in code.indices where place >= start && "{}".contains(code[place]) {
                depth += code[place] == "{" ? 1 : -1
                if depth == 0 {
                    block.body.append((line, code[start..<place]))
                    return block
                }
            }
            block.body.append((line, code[start...]))
        }
        return nil
    }

    /// The lines on which something is awaited that a cancellation reaches.
    private static func awaits(in body: [(line: Int, code: Substring)]) -> [Int] {
        var found: [Int] = []
        var depth = 0
        /// How deep the braces are that nothing gets through.
        var shields: [Int] = []
        for (number, code) in body {
            var rest = code
            while true {
                let next = rest.firstIndex { "{}".contains($0) } ?? rest.endIndex
                let part = rest[..<next]
                // What a condition asks takes nothing back.
                let words = part.drop { $0 == " " }
                let isCondition = words.hasPrefix("guard ") || words.hasPrefix("if ")
                if shields.isEmpty, !isCondition, part.contains(#/\bawait (?!uncancelled\b|onThread\b)/#) {
                    found.append(number)
                }
                guard next < rest.endIndex else { break }
                if rest[next] == "{" {
                    depth += 1
                    if part.contains(#/\b(?:uncancelled|onThread)(?:\([^()]*\))? *$/#) { shields.append(depth) }
                } else {
                    if shields.last == depth { shields.removeLast() }
                    depth -= 1
                }
                rest = rest[rest.index(after: next)...]
            }
        }
        return found
    }
}
