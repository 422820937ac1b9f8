import Testing

/// A form that a rule finds and that is right where it is.
struct Allowance {
    let path: String
    let form: String
    let reason: String

    /// What a rule has found in a file.
    typealias Finding = (path: String, line: Int, form: String)
}

extension [Allowance] {
    /// What is found and not allowed, and what is allowed and not found any more.
    /// - Parameter says: What the rule has against a form.
    func problems(with findings: [Allowance.Finding], says: String) -> [String] {
        var used: Set<Int> = []
        var problems: [String] = []
        for finding in findings {
            if let index = firstIndex(where: { $0.path == finding.path && $0.form == finding.form }) {
                used.insert(index)
            } else {
                problems.append("\(finding.path):\(finding.line) \(says): \(finding.form)")
            }
        }
        for (index, allowance) in enumerated() where !used.contains(index) {
            problems.append("\(allowance.path) has no \(allowance.form) any more: take it off the list")
        }
        return problems
    }
}

@Suite struct AllowanceTests {
    @Test func `what is not allowed is told, and so is what is allowed for nothing`() {
        let allowed = [
            Allowance(path: "a", form: "f()", reason: "because"), Allowance(path: "a", form: "g()", reason: "because"),
        ]
        let known: Allowance.Finding = (path: "a", line: 1, form: "f()")
        #expect(
            allowed.problems(with: [known, (path: "b", line: 2, form: "f()")], says: "may fail")
                == ["b:2 may fail: f()", "a has no g() any more: take it off the list"])
        #expect(allowed.problems(with: [known, (path: "a", line: 3, form: "g()")], says: "").isEmpty)
    }
}
