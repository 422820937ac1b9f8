import Commands
import Templates
import Testing

/// What `apus network doctor` makes of an answer.
@Suite struct DoctorTests {
    private func answer(_ findings: String = "[]", _ advice: String = "null", node: String = "[]") throws -> JSON {
        let text = """
            {"IsWell":true,"DataPathPort":4789,"Nodes":[
            {"ID":"aa1","Name":"one","State":"ready","Findings":\(node),"Advice":"Set the clock."},
            {"ID":"bb2","Name":"two","State":"ready","Findings":[]}],
            "Paths":[
            {"From":"aa1","To":"bb2","Kind":"vxlan","RoundTripSeconds":0.00031,"Loss":0.25,"PathMTU":1400,"LinkMTU":1500,
             "Findings":\(findings),"Advice":\(advice),"MeasuredAt":"2026-11-29T07:00:00Z"},
            {"From":"bb2","To":"aa1","Kind":"vxlan","Loss":0,"PathMTU":1500,"LinkMTU":1500,"RoundTripSeconds":0.0012,
             "Findings":[],"MeasuredAt":"2026-11-29T07:00:00Z"}]}
            """
        return try JSON(parsing: Array(text.utf8))
    }

    @Test func `a healthy swarm is a matrix, and well`() throws {
        let table = try PathTable(answer())
        #expect(table.isWell)
        let text = try table.text(format: nil)
        #expect(
            text == """
                VXLAN     one       two
                one       -         0.3 ms
                two       1.2 ms    -

                All is well.

                """)
    }

    @Test func `what is ill is marked and told, with what to do`() throws {
        let table = try PathTable(answer(#"["lossy","narrow"]"#, #""Open it.""#, node: #"["clock"]"#))
        #expect(!table.isWell)
        let text = try table.text(format: nil)
        #expect(text.contains("x 0.3 ms 25 % lost MTU 1400"), "\(text)")
        #expect(
            text.contains(
                "What to do:\n\none: clock\n    Set the clock.\none -> two, vxlan: lossy, narrow\n    Open it.\n"),
            "\(text)")
    }

    @Test func `two nodes alone, kinds alone, and rows`() throws {
        let ill = try answer(#"["narrow"]"#, #""Open it.""#)
        #expect(!(try PathTable(ill, from: "one", to: "two")).isWell)
        #expect((try PathTable(ill, from: "two", to: "aa")).isWell)
        let rows = try PathTable(ill, from: "one").text(format: "{{.From}} {{.To}} {{.MTU}} {{.Findings}} {{.Advice}}")
        #expect(rows == "one two 1400 narrow Open it.\n")
        let json = try PathTable(ill).text(format: "json")
        #expect(json.split(separator: "\n").count == 2)
        #expect(json.contains(#""Findings":"narrow""#))
        let other = try PathTable(ill, kind: "esp")
        #expect(try other.text(format: nil).contains("No way is measured for esp."))
        #expect(throws: (any Error).self) { try PathTable(ill, from: "nobody") }
    }

    @Test func `a swarm of one node has no ways, and one that has just begun no measurements`() throws {
        let one = try JSON(parsing: Array(#"{"Nodes":[{"ID":"a","Name":"one","Findings":[]}],"Paths":[]}"#.utf8))
        #expect(try PathTable(one).isWell)
        #expect(try PathTable(one).text(format: nil).contains("single node"))
        let two = try JSON(
            parsing: Array(
                #"{"Nodes":[{"ID":"a","Name":"one","Findings":[]},{"ID":"b","Name":"two","Findings":[]}],"Paths":[]}"#
                    .utf8))
        #expect(!(try PathTable(two).isWell))
        #expect(try PathTable(two).text(format: nil).contains("Nothing has been measured yet"))
    }
}
