/// Finds forms that end the whole program when a value is not as its author expected: conversions between numbers that may not fit, indices and
/// slices whose bounds nothing in sight vouches for, and calls of the standard library that demand something of their arguments.
///
/// It reads text, not types. A conversion whose result is unwrapped reads text and is no trap; a dictionary's subscript is told from an
/// array's by what stands in it.
struct TrapRule {
    /// How many lines above an index the check of its bounds may be.
    static let sight = 12

    struct Finding: Equatable {
        /// From 0.
        let line: Int
        let form: String
    }

    /// - Parameter lines: Without comments and the contents of string literals.
    static func findings(in lines: [String]) -> [Finding] {
        let lines = lines.map { Array($0.utf8) }
        var found: [Finding] = []
        for (number, line) in lines.enumerated() {
            // What is opened at a line's end goes on in the next.
            let isOpen = line.last.map { [open, bracket].contains($0) } ?? false
            let line = isOpen ? line + (lines.dropFirst(number + 1).first ?? []).drop { $0 == UInt8(ascii: " ") } : line
            for (place, byte) in line.prefix(lines[number].count).enumerated() where byte == open || byte == bracket {
                let above = { lines[max(0, number - sight)..<number].map(text) + [text(line[..<place])] }
                let form =
                    byte == open ? conversion(line, place) ?? demand(line, place, above) : index(line, place, above)
                if let form { found.append(Finding(line: number, form: form)) }
            }
        }
        return found
    }

    // MARK: Conversions

    private static let numbers: Set<String> = [
        "Int", "Int8", "Int16", "Int32", "Int64", "UInt", "UInt8", "UInt16", "UInt32", "UInt64", "CInt", "CUnsignedInt",
        "CLong",
    ]

    /// `UInt8(x)` where x is no constant: traps when x does not fit.
    private static func conversion(_ line: [UInt8], _ place: Int) -> String? {
        var start = wordStart(line, place)
        var name = text(line[start..<place])
        if name == "init", start > 0, line[start - 1] == dot {
            start = wordStart(line, start - 1)
            name = text(line[start..<place].dropLast(5))
        }
        guard let first = name.utf8.first, name.utf8.count < 20,
            [UInt8]("IUC".utf8).contains(first) || name.hasSuffix("_t")
        else { return nil }
        guard numbers.contains(name) || (name.hasSuffix("_t") && name.first?.isLowercase == true) else { return nil }
        if start > 0, line[start - 1] == dot { return nil }
        let end = closing(line, place)
        let argument = text(line[(place + 1)..<end]).trimmed
        // A label says how the value is to fit, and a text is read in a stated base.
        if argument.contains(#/^\w+:( |$)|, radix: \d+$/#) { return nil }
        // Constants, those of C's headers among them.
        if argument.isEmpty
            || argument.contains(#/^(-?[\d_]+|0x[\da-fA-F_]+|[A-Z_0-9| ]+(\.rawValue)?|\w+\.[A-Z_]+\.rawValue)$/#)
        {
            return nil
        }
        if argument.contains(#/^\(\w+ \? [A-Z_0-9]+ : [A-Z_0-9]+\)(\.rawValue)?$/#) { return nil }
        if argument.contains(#/^(U?Int\d*\.(max|min)|MemoryLayout<.*>\.size)$/#) { return nil }
        // Only what may be nil is unwrapped: the compiler refuses it for numbers.
        let before = text(line[..<start])
        let after = text(line[min(end + 1, line.count)...]).trimmed
        if before.contains(#/\blet \w+ = $/#), after.isEmpty || after.contains(#/^(,|else\b|\{)/#),
            before.contains(#/\b(guard|if|while|case)\b|, let /#) || !after.isEmpty
                || before.contains(#/^ +let \w+ = $/#) && isListed(line)
        {
            return nil
        }
        if after.contains(#/^(\?\?|== nil|!= nil)/#) || before.contains(#/(flatMap|compactMap)\(?\s*\{\s*$/#) {
            return nil
        }
        return "\(name)(\(argument))"
    }

    /// One of several conditions of a `guard` or `if`: the line ends with a comma.
    private static func isListed(_ line: [UInt8]) -> Bool { line.last == UInt8(ascii: ",") }

    // MARK: Indices

    /// What a place in a collection is called; the name of a key is not among them.
    private static let places: Set<String> = [
        "position", "offset", "start", "end", "cursor", "count", "column", "last", "middle", "unit", "at", "length",
        "size", "limit", "filled",
        "written", "taken",
    ]
    private static let placeEndings = ["Index", "Offset", "Start", "End", "Position"]

    /// `x[i]` and `x[a..<b]`: trap beyond the ends.
    private static func index(_ line: [UInt8], _ place: Int, _ above: () -> [String]) -> String? {
        guard place > 0, isWord(line[place - 1]) || [UInt8](">)]?".utf8).contains(line[place - 1]) else { return nil }
        let inner = text(line[(place + 1)..<closing(line, place)]).trimmed
        guard !inner.isEmpty, inner != "..." else { return nil }
        var start = place
        while start > 0, isWord(line[start - 1]) || [UInt8]("$.?".utf8).contains(line[start - 1]) { start -= 1 }
        let receiver = text(line[start..<place]).replacing("?", with: "")
        let ends = inner.split(separator: #/\.\.[.<]?/#, omittingEmptySubsequences: false).map { String($0).trimmed }
        let isComputed =
            inner.contains(#/^U?Int\d*\(/#)
            || ends.contains {
                $0.contains(#/ [-+*\/%] /#) && $0.split(separator: " ").contains { isBound(String($0)) }
            }
        let isNamed = ends.count > 1 && ends.contains { $0.hasPrefix("Self.") }
        guard isComputed || isNamed || ends.contains(where: isBound) else { return nil }
        let vouched = above()
        if !isComputed || ends.count == 1,
            ends.allSatisfy({ end in
                !isBound(end) && !isComputed
                    || vouched.contains { vouches($0, for: end, of: receiver, isSlice: ends.count > 1) }
            })
        {
            return nil
        }
        return "\(receiver)[\(inner)]"
    }

    private static func isBound(_ text: String) -> Bool {
        if Int(text) != nil { return true }
        let name = text.split(separator: ".").last.map(String.init) ?? ""
        guard text.utf8.allSatisfy({ isWord($0) || $0 == dot }) else { return false }
        return places.contains(name) || placeEndings.contains { name.count > $0.count && name.hasSuffix($0) }
    }

    /// Whether a line makes sure that the collection has that index.
    private static func vouches(_ line: String, for index: String, of receiver: String, isSlice: Bool) -> Bool {
        // Cheap first: hardly any line is about the collection at all.
        guard !receiver.isEmpty, line.contains(receiver) else { return false }
        if let number = Int(index) {
            for match in line.matches(of: #/([\w.$]+)\.count (==|>=|>) (\d+)/#) where match.1 == receiver {
                if let least = Int(match.3), match.2 == ">" ? least >= number : least > number { return true }
            }
            for match in line.matches(of: #/\((\d+)\.\.\.\d+\)\.contains\(([\w.$]+)\.count\)/#)
            where match.2 == receiver {
                if let least = Int(match.1), least > number { return true }
            }
            // `x.count < 2 || x[1]`
            for match in line.matches(of: #/([\w.$]+)\.count < (\d+) \|\|/#) where match.1 == receiver {
                if let least = Int(match.2), least > number { return true }
            }
            for match in line.matches(of: #/\b(?:let|var) (\w+)(?:: \[\w+\])? = \[([^\]]*)\]/#)
            where match.1 == receiver {
                if match.2.count(where: { $0 == "," }) >= number { return true }
            }
            return number == 0 && line.contains("!\(receiver).isEmpty")
        }
        if line.contains("\(index) < \(receiver).") || line.contains("\(index) != \(receiver).endIndex") { return true }
        if line.contains("\(index) in \(receiver).indices") || line.contains("\(index) in 0..<\(receiver).count") {
            return true
        }
        if line.contains("\(receiver).indices.contains(\(index))") { return true }
        return line.contains("let \(index) = \(receiver).")
            && line.contains(#/\.(firstIndex|lastIndex|indices|position|firstRange)\b/#)
    }

    // MARK: Demands

    private static let demanding: Set<String> = [
        "Dictionary", "index", "formIndex", "removeFirst", "removeLast", "prefix", "suffix", "dropFirst", "dropLast",
    ]

    /// Calls whose arguments, or what they are called on, must be so and so.
    private static func demand(_ line: [UInt8], _ place: Int, _ above: () -> [String]) -> String? {
        let start = wordStart(line, place)
        let name = text(line[start..<place])
        guard demanding.contains(name) else { return nil }
        let argument = text(line[(place + 1)..<closing(line, place)])
        switch name {
        case "Dictionary":
            return argument.hasPrefix("uniqueKeysWithValues:") ? "Dictionary(uniqueKeysWithValues:)" : nil
        // Less than nothing cannot be taken.
        case "prefix", "suffix", "dropFirst", "dropLast":
            return argument.contains(" - ") && !argument.contains("max(0, ")
                && !argument.contains(#/^Self\.\w+ - \d+$/#) ? "\(name)(\(argument))" : nil
        case "index", "formIndex": return argument.contains("offsetBy:") ? "index(_:offsetBy:)" : nil
        default: break
        }
        guard let call = text(line[..<start]).firstMatch(of: #/([\w.$?]+)\.$/#) else { return nil }
        // Of what is not empty one may be taken.
        if argument.isEmpty, above().contains(where: { $0.contains("\(call.1).isEmpty") }) { return nil }
        return "\(name)(\(argument))"
    }

    // MARK: Text

    private static let open = UInt8(ascii: "(")
    private static let bracket = UInt8(ascii: "[")
    private static let dot = UInt8(ascii: ".")

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 95: true
        default: byte >= 128
        }
    }

    private static func wordStart(_ line: [UInt8], _ end: Int) -> Int {
        var start = end
        while start > 0, isWord(line[start - 1]) { start -= 1 }
        return start
    }

    /// Where the bracket at a place is closed, or the line's end.
    private static func closing(_ line: [UInt8], _ place: Int) -> Int {
        var depth = 0
        for index in place..<line.count {
            if [UInt8]("([{".utf8).contains(line[index]) { depth += 1 }
            if [UInt8](")]}".utf8).contains(line[index]) {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return line.count
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension String {
    fileprivate var trimmed: String {
        var rest = self[...]
        while rest.first == " " { rest = rest.dropFirst() }
        while rest.last == " " { rest = rest.dropLast() }
        return String(rest)
    }
}
