import EngineInterface
import Testing

@Suite struct FiltersTests {
    @Test func `a filter of a few values takes those in any case, nothing for an empty one, and no others`() throws {
        let filters = Filters(["role": ["Manager", ""], "membership": ["x"]])
        #expect(try filters.choices("role", of: ["worker", "manager"]) == ["manager"])
        #expect(try filters.choices("nosuch", of: ["worker"]).isEmpty)
        #expect(throws: FilterError.unknownValue(name: "membership", value: "x")) {
            try filters.choices("membership", of: ["accepted", "pending"])
        }
    }

    @Test(
        arguments: [
            (
                "web",
                [
                    "web", "^/web$", "^web$", "eb", "^we", "b$", "", "^/?web$", "w.b", "x|web|y", "^(web|db)$",
                    "^w[a-f]+b$",
                ]
            ),
            (
                "shop_web_12",
                [#"^shop_web_[0-9]+$"#, #"^shop_\w+_\d{1,2}$"#, "_(1|2)2", "(?i)SHOP_W", "[^a-z_]", "^shop.*12$"]
            ),
            ("a.b-c", [#"^a\.b-c$"#, "a[.]b", "^[a-c.-]+$", "^(?:a.)?b?-?c?", "a.b-c"]),
            ("a{2}", ["a{2}", "a{", #"\{2\}"#]),
            ("aab", ["^a{2}b$", "^a{1,}b", "^a{0,3}b", "^a*?b", "(?P<name>a+)b", "^[[:alpha:]]{3}$", #"\baab\b"#]),
        ] as [(String, [String])]) func `names are looked for as a pattern of Go's, and as they are`(
            name: String, patterns: [String]
        )
    {
        for pattern in patterns {
            #expect(Filters(["name": ["nosuch", pattern]]).match("name", ["/" + name, name]), "\(pattern)")
        }
    }

    @Test(
        arguments: [
            ("web", ["^eb", "^/we$", "wb", "^web.$", "web{2}", #"\Bweb\B"#]),
            ("shop_web_12", ["^shop_web_[0-9]$", "SHOP", #"\D$"#]),
            ("a.b-c", [#"^a\.c"#, "[^/a-c.-]"]), ("aab", ["^a{3}", "^ab", "^(a|b)$", #"\s"#]),
            // None is a pattern.
            ("aab", ["a)", "(a", "*a", "a**", "[a", "[b-a]", "a{2,1}", "a{1001}", #"a\"#, #"\pL"#, "(?x)a"]),
        ] as [(String, [String])]) func `what a pattern does not say is not found`(name: String, patterns: [String])
    {
        for pattern in patterns {
            #expect(!Filters(["name": [pattern]]).match("name", ["/" + name, name]), "\(pattern)")
        }
        #expect(Filters().match("name", [name]) && Filters(["name": []]).match("name", [name]))
    }

    /// Each of these would take longer than there is time, if it were tried what each part might read.
    @Test func `no pattern takes long`() {
        let name = String(repeating: "a", count: 200) + "!"
        for pattern in ["^(a+)+$", "^(a|a)*$", "^(a*)*$", "(((((a?){9}){9}){9}){9}){9}b"] {
            #expect(!Filters(["name": [pattern]]).match("name", [name]), "\(pattern)")
        }
        let nested = String(repeating: "(", count: 90) + String(repeating: "){1000}", count: 90)
        #expect(!Filters(["name": [nested]]).match("name", [name]))
        let deep = String(repeating: "(", count: 100_000) + String(repeating: ")", count: 100_000)
        #expect(!Filters(["name": [deep]]).match("name", [name]))
    }

    /// What is in brackets is gone through for each character.
    @Test(arguments: [(100, 1, true), (100, 50, true), (20_000, 1, false), (100, 1000, false)])
    func `no pattern is long by what is in its brackets`(ranges: Int, times: Int, isTaken: Bool) {
        let pattern = "([" + String(repeating: "ab", count: ranges / 2) + "]?){\(times)}"
        #expect(Filters(["name": [pattern]]).match("name", ["a"]) == isTaken)
    }
}
