/// Reads a regular expression in Go's syntax; each part is `nil` where there is none.
struct PatternParser {
    /// How deep groups may be in each other.
    private static let deepest = 100
    /// How often anything may be said to be repeated.
    private static let mostTimes = 1000

    private var rest: ArraySlice<Unicode.Scalar>
    private var foldsCase = false
    private var depth = 0

    init(_ text: String) { rest = ArraySlice(text.unicodeScalars) }

    mutating func whole() -> PatternForm? {
        guard let form = alternatives(), rest.isEmpty else { return nil }
        return form
    }

    /// Goes over a character, if it is the next.
    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard rest.first == scalar else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func alternatives() -> PatternForm? {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { return nil }
        var ways: [PatternForm] = []
        repeat {
            guard let way = sequence() else { return nil }
            ways.append(way)
        } while take("|")
        return .either(ways)
    }

    private mutating func sequence() -> PatternForm? {
        var parts: [PatternForm] = []
        while let next = rest.first, next != "|", next != ")" {
            guard let part = repeatedPart() else { return nil }
            parts.append(part)
        }
        return .sequence(parts)
    }

    private mutating func repeatedPart() -> PatternForm? {
        guard let form = part() else { return nil }
        guard let times = repetition() else { return form }
        guard max(times.least, times.most ?? 0) <= Self.mostTimes, times.least <= times.most ?? times.least else {
            return nil
        }
        // That as little as possible is read changes nothing of whether there is a match.
        _ = take("?")
        guard repetition() == nil else { return nil }
        return .repeated(form, least: times.least, most: times.most)
    }

    /// Braces that are no repetition stand for themselves.
    private mutating func repetition() -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let before = rest
        if take("{"), let least = number() {
            if take("}") { return (least, least) }
            if take(",") {
                if take("}") { return (least, nil) }
                if let most = number(), take("}") { return (least, most) }
            }
        }
        rest = before
        return nil
    }

    private mutating func number() -> Int? {
        let digits = rest.prefix { (0x30...0x39).contains($0.value) }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        return Int(Self.text(digits)) ?? Int.max
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }

    private mutating func part() -> PatternForm? {
        guard let next = rest.popFirst() else { return nil }
        switch next {
        case "^": return .edge(.beginning)
        case "$": return .edge(.end)
        case ".": return .one(ScalarChoice(ranges: [0...0x10FFFF]))
        case "[": return bracket()
        case "(": return group()
        case "\\": return escape()
        case "*", "+", "?": return nil
        default: return .one(single(next))
        }
    }

    private func single(_ scalar: Unicode.Scalar) -> ScalarChoice {
        ScalarChoice(ranges: [scalar.value...scalar.value], foldsCase: foldsCase)
    }

    private mutating func group() -> PatternForm? {
        let outside = foldsCase
        if take("?") {
            if take("P") || rest.first == "<" {
                guard take("<") else { return nil }
                rest = rest.drop { $0 != ">" }
                guard take(">") else { return nil }
            } else {
                var isOn = true
                while !take(":") {
                    // Flags alone hold for what follows in the group around them.
                    if take(")") { return .sequence([]) }
                    guard let flag = rest.popFirst() else { return nil }
                    switch flag {
                    case "i": foldsCase = isOn
                    case "m", "s", "U": break
                    case "-": isOn = false
                    default: return nil
                    }
                }
            }
        }
        guard let form = alternatives(), take(")") else { return nil }
        foldsCase = outside
        return form
    }

    private mutating func escape() -> PatternForm? {
        guard let next = rest.popFirst() else { return nil }
        switch next {
        case "A": return .edge(.beginning)
        case "z": return .edge(.end)
        case "b": return .edge(.ofWord)
        case "B": return .edge(.notOfWord)
        default:
            if let ranges = ScalarClasses.escaped[next] { return .one(ScalarChoice(ranges: ranges)) }
            return Self.escaped(next).map { .one(single($0)) }
        }
    }

    /// The character that one behind a backslash stands for.
    private static func escaped(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        switch scalar {
        case "a": "\u{07}"
        case "f": "\u{0C}"
        case "n": "\n"
        case "r": "\r"
        case "t": "\t"
        case "v": "\u{0B}"
        default:
            scalar.isASCII && !(ScalarClasses.named["alnum"] ?? []).contains { $0.contains(scalar.value) }
                ? scalar : nil
        }
    }

    private mutating func bracket() -> PatternForm? {
        var choice = ScalarChoice(ranges: [], foldsCase: foldsCase)
        choice.isNegated = take("^")
        var isFirst = true
        while let next = rest.popFirst() {
            if next == "]", !isFirst { return .one(choice) }
            isFirst = false
            if next == "[", let ranges = namedClass() {
                choice.ranges += ranges
                continue
            }
            if next == "\\", let name = rest.first, let ranges = ScalarClasses.escaped[name] {
                rest = rest.dropFirst()
                choice.ranges += ranges
                continue
            }
            guard let low = end(of: next) else { return nil }
            var high = low
            if rest.first == "-", let last = rest.dropFirst().first, last != "]" {
                rest = rest.dropFirst(2)
                guard let end = end(of: last) else { return nil }
                high = end
            }
            guard low <= high else { return nil }
            choice.ranges.append(low.value...high.value)
        }
        return nil
    }

    /// One end of a range in brackets.
    private mutating func end(of scalar: Unicode.Scalar) -> Unicode.Scalar? {
        guard scalar == "\\" else { return scalar }
        return rest.popFirst().flatMap { Self.escaped($0) }
    }

    /// `[:name:]` in brackets, from its colon on.
    private mutating func namedClass() -> [ClosedRange<UInt32>]? {
        guard rest.first == ":" else { return nil }
        let name = rest.dropFirst().prefix { $0 != ":" }
        guard let ranges = ScalarClasses.named[Self.text(name)] else { return nil }
        var behind = rest.dropFirst(name.count + 1)
        guard behind.popFirst() == ":", behind.popFirst() == "]" else { return nil }
        rest = behind
        return ranges
    }
}

/// Characters that have a name in patterns, all of ASCII. Source: Go's `regexp/syntax`, `perl_groups.go`.
enum ScalarClasses {
    static let word: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]

    /// By the letter behind the backslash.
    static let escaped: [Unicode.Scalar: [ClosedRange<UInt32>]] = [
        "d": [0x30...0x39], "D": [0...0x2F, 0x3A...0x10FFFF],
        "s": [0x09...0x0A, 0x0C...0x0D, 0x20...0x20],
        "S": [0...0x08, 0x0B...0x0B, 0x0E...0x1F, 0x21...0x10FFFF],
        "w": word, "W": [0...0x2F, 0x3A...0x40, 0x5B...0x5E, 0x60...0x60, 0x7B...0x10FFFF],
    ]

    /// By the name between the colons.
    static let named: [String: [ClosedRange<UInt32>]] = [
        "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "alpha": [0x41...0x5A, 0x61...0x7A], "digit": [0x30...0x39],
        "lower": [0x61...0x7A], "upper": [0x41...0x5A], "word": word,
        "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
        "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "space": [0x09...0x0D, 0x20...0x20],
    ]
}
