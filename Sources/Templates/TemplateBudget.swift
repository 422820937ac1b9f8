/// How much one template may ask of who carries it out.
package struct TemplateLimits: Sendable {
    /// Of the template itself, in bytes.
    let length: Int
    /// Of blocks and parentheses: each takes its part of the stack, when the template is read and when it is carried out.
    let nesting: Int
    /// Operands and rounds of loops in one execution.
    let steps: Int
    /// Of the output, and of all texts that functions take and make on the way to it, in one execution.
    let bytes: Int

    /// For the user's own `--format`: what ends a mistake, and no use.
    package static let commandLine = TemplateLimits(length: 1 << 20, nesting: 200, steps: 1_000_000, bytes: 64 << 20)
    /// For templates that a daemon is given, such as tags of logs: names of a line's length.
    package static let daemon = TemplateLimits(length: 16 << 10, nesting: 50, steps: 10_000, bytes: 64 << 10)
}

/// What one execution of a template has taken of its limits.
struct TemplateBudget {
    /// How many elements of a list or members of an object may be looked at in one step.
    private static let stride = 64

    private let limits: TemplateLimits
    private var steps = 0
    private var bytes = 0

    init(_ limits: TemplateLimits) { self.limits = limits }

    /// How many bytes may still be made.
    var room: Int { max(0, limits.bytes - bytes) }

    /// To be called before the work is done.
    /// - Parameter elements: Of a list or an object that is gone through.
    mutating func step(over elements: Int = 0) throws(TemplateFailure) {
        steps += 1 + elements / Self.stride
        guard steps <= limits.steps else { throw TemplateFailure(reason: "exceeded maximum of \(limits.steps) steps") }
    }

    /// To be called before texts of this size are made, or right after where they are no longer than what there was.
    mutating func take(_ count: Int) throws(TemplateFailure) {
        guard count <= room else { throw overflow }
        bytes += count
    }

    var overflow: TemplateFailure { TemplateFailure(reason: "exceeded maximum of \(limits.bytes) bytes") }
}
