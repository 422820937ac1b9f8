import Glibc
import Testing

@testable import Templates

/// A daemon's templates are of any client's making: none may end it, or keep one of its threads or its memory.
@Suite(.timeLimit(.minutes(1))) struct TemplateLimitTests {
    private static func list(_ count: Int) -> [String] { (0..<count).map { "A\($0)=\($0)" } }

    private static let row = Row(
        [
            "ID": "0123", "Config": ["tag": "x"], "ContainerLabels": ["tier": "front", "x.y": "z"],
            "ContainerEnv": ["A=1", "B=2"], "Big": .strings(list(20_000)),
            "BigMap": .object(list(20_000).map { JSON.Member($0, "v") }),
        ], methods: ["ExtraAttributes": { "<\($0)>" }])

    private func render(_ template: String, _ limits: TemplateLimits = .daemon) throws -> String {
        try Template(template, limits: limits).render(.row(Self.row))
    }

    /// How it failed, and the seconds that this took, however busy the machine is.
    private func failure(_ template: String, _ limits: TemplateLimits = .daemon) -> (reason: String?, seconds: Double) {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        do {
            _ = try render(template, limits)
            return (nil, now() - start)
        } catch { return ("\(error)", now() - start) }
    }

    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    /// Named by its beginning only.
    struct Sample: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation, CustomTestStringConvertible {
        let template: String
        init(stringLiteral template: String) { self.template = template }
        var testDescription: String { String(template.prefix(60)) }
    }

    private static let endless: [Sample] = [
        "{{range 9223372036854775807}}{{end}}", "{{range 1000000000}}a{{end}}", "{{range 10000}}{{.}}{{end}}",
        "{{range 1e18}}{{range 1e18}}{{end}}{{end}}", "{{range 10000}}{{range $.Big}}{{break}}{{end}}{{end}}",
        "{{range 10000}}{{range $.BigMap}}{{break}}{{end}}{{end}}",
        "{{range 10000}}{{$y := slice $.Big 0 9999}}{{end}}",
        "{{range 10000}}{{$y := index $.BigMap \"none\"}}{{end}}",
        "{{range 10000}}{{\(repeated("$a,", 4000))$a := 1}}{{end}}",
        "{{range 10000}}\(repeated("{{$x := println}}", 900)){{end}}", "{{print\(repeated(" .Big", 1000))}}",
        "{{html\(repeated(" .Big", 1000))}}", "{{printf \"\"\(repeated(" .Big", 1000))}}",
        "{{upper\(repeated(" .Big", 1000))}}",
        "{{$x := printf \"%015000d\" 1}}{{$y := printf \"%05000d\" 2}}{{$x = split $x $y}}",
    ]

    private static let long: [Sample] = [
        "{{$x := \"aaaa\"}}\(repeated("{{$x = printf \"%s%s\" $x $x}}", 40))",
        "{{$x := \"aaaa\"}}{{range 10000}}{{$x = print $x $x}}{{end}}", "{{printf \"%1000000d\" 1}}",
        "{{printf \"%.1000000g\" 1}}", "{{range 9000}}{{$x := printf \"%.9000g\" 1}}{{end}}",
        "{{range 10000}}{{$x := pad \"a\" 1000000 1000000}}{{end}}", "{{range 10000}}{{$x := pad \"a\" 99 99}}{{end}}",
        "{{range 10000}}{{$x := join $.Big \"\"}}{{end}}", "{{range 10000}}{{$x := len (json $.BigMap)}}{{end}}",
        "{{join .Big (printf \"%20000s\" \"\")}}", "{{.}}", "{{json .}}", "{{.Big}}", "{{html .Big}}",
        "{{range 10000}}{{$x := $.ExtraAttributes $.Big}}{{end}}",
        "{{range 1000}}\(repeated("a", 1000)){{end}}",
        "{{$x := printf \"%20000s\" \"\"}}{{range 10000}}{{$y := eq $x $x}}{{end}}",
    ]

    @Test(arguments: endless) func `what takes too many steps is refused`(sample: Sample) {
        let (reason, seconds) = failure(sample.template)
        #expect(reason?.contains("exceeded maximum of 10000 steps") == true, "\(reason ?? "nothing is refused")")
        #expect(seconds < 1)
    }

    @Test(arguments: long) func `what grows too long is refused`(sample: Sample) {
        let (reason, seconds) = failure(sample.template)
        #expect(reason?.contains("exceeded maximum of 65536 bytes") == true, "\(reason ?? "nothing is refused")")
        #expect(seconds < 1)
    }

    @Test(
        arguments: [
            ("{{slice .Config 0 1}}", "can't slice item of type map[string]interface {}"),
            ("{{slice .ContainerLabels 0 1}}", "can't slice item of type map[string]interface {}"),
            ("{{slice . 0 1}}", "can't slice item of type map[string]interface {}"),
            ("{{slice 1 0}}", "can't slice item of type float64"), ("{{slice nil}}", "slice of untyped nil"),
            ("{{slice .ContainerEnv 0 9}}", "index out of range: 9"), ("{{slice .ID 3 1}}", "index out of range: 1"),
            ("{{slice .ID -1}}", "index out of range: -1"),
            ("{{slice .ID 9223372036854775807}}", "index out of range: 9223372036854775807"),
            ("{{slice .ID 0 1e300}}", "index out of range: -1"),
            ("{{index .ContainerEnv 9223372036854775807}}", "slice index out of range"),
            ("{{index .ContainerEnv -9223372036854775808}}", "slice index out of range"),
            ("{{pad \"a\" 9223372036854775807 1}}", "Repeat output length overflow"),
            ("{{truncate .ID -9223372036854775808}}", "slice bounds out of range [:-9223372036854775808]"),
            ("{{join}}", "want 2 got 0"), ("{{pad .ID}}", "want 3 got 1"), ("{{split .ID}}", "want 2 got 1"),
        ] as [(String, String)])
    func `operands that do not fit are refused`(template: String, reason: String) {
        #expect(failure(template).reason?.hasSuffix(reason) == true, "\(failure(template))")
    }

    @Test(
        arguments: [
            ("{{range 3}}<{{.}}>{{end}}", "<0><1><2>"), ("{{range -5}}a{{else}}b{{end}}", "b"),
            ("{{range $i, $e := 2}}{{$i}}{{$e}} {{end}}", "00 11 "), ("{{slice .ContainerEnv 0 1}}", "[A=1]"),
            ("{{slice .ID 1 3}}", "12"), ("{{truncate .ID 9223372036854775807}}", "0123"),
            ("{{pad \"a\" 1e300 1}}", "a "), ("{{printf \"%x\" -9223372036854775808}}", "-8000000000000000"),
            ("{{printf \"%d\" 1e400}}", "%!d(float64=1e400)"), ("{{printf \"%1000000000d\" 1}}", "%!(NOVERB)"),
            ("{{printf \"%.9g\" 1 2 \"a\"}}", "1%!(EXTRA float64=2, string=a)"),
            ("{{len (split (printf \"%09000d\" 0) \"\")}}", "9000"), ("{{(((((1)))))}}", "1"),
        ] as [(String, String)])
    func `operands that fit are what they were`(template: String, text: String) throws {
        #expect(try render(template) == text)
    }

    @Test func `a daemon's templates have a length and a depth`() {
        let longer = Self.repeated("a", 16 << 10) + "a"
        #expect(failure(longer).reason == "template: :1: longer than 16384 bytes")
        let nested = [
            "{{" + Self.repeated("(", 5000) + "1" + Self.repeated(")", 5000) + "}}", Self.repeated("{{if 1}}", 2000),
            "{{if 1}}" + Self.repeated("{{else if 1}}", 1000) + "{{end}}",
        ]
        for template in nested {
            #expect(failure(template).reason == "template: :1: nested too deep")
        }
        #expect(failure("{{template \"a\"}}").reason == "template: :1: {{template}} is not supported")
    }

    @Test func `what is beyond the limits is told where it stands`() {
        let words = "template: :1:8: executing \"\" at <1000000>: exceeded maximum of 10000 steps"
        #expect(failure("{{range 1000000}}{{end}}").reason == words)
        #expect(failure("a\n" + "{{range 1000000}}{{end}}").reason == words.replacing(":1:8:", with: ":2:8:"))
    }

    @Test func `a user's own formats may be larger`() throws {
        let text = try render("{{json .Big}}{{range .Big}}{{.}}{{end}}{{.BigMap}}", .commandLine)
        #expect(text.utf8.count > 65536)
        #expect(
            failure("{{range 9223372036854775807}}{{end}}", .commandLine).reason?.hasSuffix("1000000 steps") == true)
    }
}
