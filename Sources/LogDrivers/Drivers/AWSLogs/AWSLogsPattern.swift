import EngineInterface
import Synchronization

/// Which lines begin an event: `awslogs-multiline-pattern`, or `awslogs-datetime-format`, which is strftime's made into one.
final class AWSLogsPattern: Sendable {
    /// Longer lines are looked at no further: a pattern may take time that grows faster than the line.
    private static let looksAt = 1024

    /// What `%x` stands for. Source: Docker's documentation of awslogs, "awslogs-datetime-format".
    private static let formats: [Character: String] = [
        "a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        "A": "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)", "w": "[0-6]",
        "d": "(?:0[1-9]|[12][0-9]|3[01])", "b": "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        "B": "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
        "m": "(?:0[1-9]|1[0-2])", "Y": "\\d{4}", "y": "\\d{2}", "H": "(?:[01][0-9]|2[0-3])", "I": "(?:0[0-9]|1[0-2])",
        "p": "[AP]M", "M": "[0-5][0-9]", "S": "[0-5][0-9]", "f": "\\d{6}", "z": "[+-]\\d{4}", "Z": "[A-Z]{1,4}T",
        "j": "(?:0[0-9][1-9]|[12][0-9][0-9]|3[0-5][0-9]|36[0-6])", "L": "\\.\\d{3}", "%": "%",
    ]

    /// `Regex` is no `Sendable`.
    private let regex: Mutex<Regex<AnyRegexOutput>>

    /// - Throws: `.invalidPattern`.
    init(pattern: String) throws(LogOptionError) {
        // Character by character as Go has them, not as people read them.
        do { regex = Mutex(try Regex(pattern).matchingSemantics(.unicodeScalar)) } catch {
            throw .invalidPattern(pattern: pattern, reason: "\(error)")
        }
    }

    convenience init(format: String) throws(LogOptionError) {
        var pattern = ""
        var isDirective = false
        for character in format {
            if isDirective {
                pattern += Self.formats[character] ?? ""
                isDirective = false
            } else if character == "%" {
                isDirective = true
            } else {
                pattern.append(character)
            }
        }
        try self.init(pattern: pattern)
    }

    func matches(_ line: [UInt8]) -> Bool {
        let text = String(decoding: line.prefix(Self.looksAt), as: UTF8.self)
        return regex.withLock { text.firstMatch(of: $0) != nil }
    }
}
