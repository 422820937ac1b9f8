/// A regular expression in Go's syntax, as the filters of lists have them: found anywhere in a text unless it says `^` or `$`.
///
/// Known are alternatives, groups, repetitions, brackets, `\d`, `\s`, `\w` and their opposites, `\b`, `\A`, `\z`, and the flag `i`; the other
/// flags are about lines, which names have none of. Classes of Unicode (`\p`), characters by number (`\x`) and `\Q` are not known. What is
/// looked for takes time as the pattern is long and as the text is long, whatever the pattern.
///
/// Source: Go's `regexp/syntax`.
package struct GoPattern: Sendable {
    private let steps: [PatternProgram.Step]

    /// `nil` for what is no such expression, and for one that is too large.
    package init?(_ text: String) {
        var parser = PatternParser(text)
        guard let form = parser.whole() else { return nil }
        var program = PatternProgram()
        program.add(form)
        guard !program.isTooLarge else { return nil }
        steps = program.steps
    }

    /// Whether it matches some part of a text, be it an empty one.
    package func isFound(in text: String) -> Bool {
        var before: Unicode.Scalar?
        var places: [Int] = []
        for next in text.unicodeScalars.map(Optional.some) + [nil] {
            // A match may begin anywhere.
            guard let readers = reachable(from: places + [0], before: before, next: next) else { return true }
            guard let next else { return false }
            places = readers.compactMap { $0.choice.contains(next) ? $0.place + 1 : nil }
            before = next
        }
        return false
    }

    /// What can be read next, from each of some steps on; `nil` where the end of the pattern can be had without reading anything.
    private func reachable(
        from places: [Int], before: Unicode.Scalar?, next: Unicode.Scalar?
    ) -> [(choice: ScalarChoice, place: Int)]? {
        var readers: [(choice: ScalarChoice, place: Int)] = []
        var seen: Set<Int> = []
        var open = places
        while let place = open.popLast() {
            guard seen.insert(place).inserted else { continue }
            guard place < steps.count else { return nil }
            switch steps[place] {
            case .one(let choice): readers.append((choice, place))
            case .edge(let edge): if edge.lies(between: before, and: next) { open.append(place + 1) }
            case .fork(let one, let other): open += [one, other]
            case .jump(let target): open.append(target)
            }
        }
        return readers
    }
}

/// What a pattern says, as it is read.
indirect enum PatternForm: Sendable {
    case one(ScalarChoice)
    case edge(PatternEdge)
    case sequence([PatternForm])
    case either([PatternForm])
    /// - Parameter most: `nil` for any number.
    case repeated(PatternForm, least: Int, most: Int?)
}

/// Some characters, of which one is read.
struct ScalarChoice: Sendable {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false
    /// A letter stands for itself in both cases.
    var foldsCase = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        var spellings = [scalar.value]
        if foldsCase {
            for mapping in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
                let mapped = mapping.unicodeScalars
                if mapped.count == 1, let only = mapped.first { spellings.append(only.value) }
            }
        }
        return ranges.contains { range in spellings.contains { range.contains($0) } } != isNegated
    }
}

/// A place between two characters.
enum PatternEdge: Sendable {
    case beginning, end, ofWord, notOfWord

    func lies(between before: Unicode.Scalar?, and next: Unicode.Scalar?) -> Bool {
        switch self {
        case .beginning: before == nil
        case .end: next == nil
        case .ofWord: Self.isWord(before) != Self.isWord(next)
        case .notOfWord: Self.isWord(before) == Self.isWord(next)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        scalar.map { ScalarChoice(ranges: ScalarClasses.word).contains($0) } ?? false
    }
}

/// A pattern as steps, each of which leads to the next one unless it says otherwise; whoever is behind the last has matched.
struct PatternProgram {
    enum Step: Sendable {
        case one(ScalarChoice)
        case edge(PatternEdge)
        case fork(Int, Int)
        case jump(Int)
    }

    /// How many forms may be put together, those that are repeated counted each time, and each range in brackets: all of them may be looked at for one
    /// character of a text.
    private static let mostForms = 10_000

    private(set) var steps: [Step] = []
    private var forms = 0

    var isTooLarge: Bool { forms > Self.mostForms }

    mutating func add(_ form: PatternForm) {
        forms += 1
        guard !isTooLarge else { return }
        switch form {
        case .one(let choice):
            forms += choice.ranges.count
            steps.append(.one(choice))
        case .edge(let edge): steps.append(.edge(edge))
        case .sequence(let parts): for part in parts { add(part) }
        case .either(let ways): addWays(ways)
        case .repeated(let form, let least, let most):
            for _ in 0..<least where !isTooLarge { add(form) }
            guard let most else {
                let fork = reserve()
                add(form)
                steps.append(.jump(fork))
                set(fork, .fork(fork + 1, steps.count))
                return
            }
            var forks: [Int] = []
            for _ in least..<most where !isTooLarge {
                forks.append(reserve())
                add(form)
            }
            for fork in forks { set(fork, .fork(fork + 1, steps.count)) }
        }
    }

    private mutating func addWays(_ ways: [PatternForm]) {
        var ends: [Int] = []
        for way in ways.dropLast() {
            let fork = reserve()
            add(way)
            ends.append(reserve())
            set(fork, .fork(fork + 1, steps.count))
        }
        if let last = ways.last { add(last) }
        for end in ends { set(end, .jump(steps.count)) }
    }

    /// A step that is set when it is known where it leads.
    private mutating func reserve() -> Int {
        steps.append(.jump(0))
        return steps.count - 1
    }

    private mutating func set(_ place: Int, _ step: Step) {
        guard steps.indices.contains(place) else { return }
        steps[place] = step
    }
}
