import DockerTypes
import Testing

@Suite struct GoScannerTests {
    private func finding(_ text: String) -> GoScanner.Finding { GoScanner.finding(in: Array(text.utf8)) }

    @Test(arguments: [
        "null", " 0 ", "-1.5e+3", "10E2", #""a\u00e9\n""#, "[]", "{}", #"{"a":[1,{"b":true}],"c":false}"#,
        "\t[ 1 , 2 ]\n",
    ])
    func `one value is whole`(text: String) {
        #expect(finding(text) == .whole)
        // A beginning of it is cut off, or another value, and never wrong.
        for count in 0..<text.utf8.count {
            let start = GoScanner.finding(in: Array(text.utf8.prefix(count)))
            #expect(start == .cutOff || start == .blank || start == .whole, "\(text) to \(count)")
        }
    }

    @Test func `what follows a value begins where it begins`() {
        for (text, offset) in [("{} x", 3), ("5x", 1), ("01", 1), ("null,", 4), ("[]]", 2), (#"{"a":1}{"#, 7)] {
            #expect(finding(text) == .followed(at: offset), "\(text)")
        }
        for text in ["", " ", "\n"] { #expect(finding(text) == .blank) }
    }

    @Test(arguments: [
        ("bogus", "'b' looking for beginning of value"), ("foo", "'o' in literal false (expecting 'a')"),
        ("nul,", "',' in literal null (expecting 'l')"), ("{a", "'a' looking for beginning of object key string"),
        (#"{"a":1,}"#, "'}' looking for beginning of object key string"), (#"{"a" 1"#, "'1' after object key"),
        (#"{"a":1]"#, "']' after object key:value pair"), ("[1 2", "'2' after array element"),
        ("[1,]", "']' looking for beginning of value"), ("-x", "'x' in numeric literal"),
        ("[1.x", "'x' after decimal point in numeric literal"), ("[1e]", "']' in exponent of numeric literal"),
        (#""\x"#, "'x' in string escape code"), (#""\u00g"#, "'g' in \\u hexadecimal character escape"),
        ("\"\n", "'\\n' in string literal"), ("'a'", #"'\'' looking for beginning of value"#),
        ("[01]", "'1' after array element"),
    ])
    func `what is no JSON is told in Go's words`(text: String, words: String) {
        #expect(finding(text) == .wrong("invalid character " + words))
    }

    @Test func `a text may be deep, but not as deep as it likes`() {
        #expect(finding(String(repeating: "[", count: 512)) == .cutOff)
        #expect(finding(String(repeating: "[", count: 513)) == .wrong("exceeded max depth"))
    }
}
