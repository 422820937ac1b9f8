import Commands
import DockerClient
import Testing
@testable import Templates

@Suite struct TemplateTests {
    private let value: JSON = [
        "State": ["Running": true, "Pid": 42, "Status": "running"], "Labels": ["b": "2", "a": "1"],
        "Names": ["x", "y", "z"], "Empty": [], "Nothing": .null, "Image": "a<b",
    ]

    private func render(_ template: String) throws -> String { try Template(template).render(.data(value)) }

    private func failure(_ template: String) -> String? {
        do {
            _ = try render(template)
            return nil
        } catch { return "\(error)" }
    }

    @Test(
        arguments: [
            ("{{.State.Running}} {{.State.Pid}}", "true 42"),
            ("{{json .State}}", #"{"Running":true,"Pid":42,"Status":"running"}"#),
            ("{{.Names}} {{.Labels}}", "[x y z] map[a:1 b:2]"), ("{{index .Names 1}}{{index .Labels \"a\"}}", "y1"),
            ("{{index .Labels \"none\"}}|", "|"), ("{{range .Names}}<{{.}}>{{end}}", "<x><y><z>"),
            ("{{range $i, $e := .Names}}{{if $i}},{{end}}{{$e}}{{end}}", "x,y,z"),
            ("{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "),
            ("{{range .Empty}}a{{else}}none{{end}}", "none"),
            ("{{if .Empty}}a{{else if eq .State.Status \"running\" \"paused\"}}b{{else}}c{{end}}", "b"),
            ("{{with .State}}{{.Pid}}{{end}}", "42"), ("{{len .Names}} {{len .Image}}", "3 3"),
            ("{{join .Names \"-\"}} {{upper .State.Status}} {{title \"ab c\"}}", "x-y-z RUNNING Ab C"),
            ("{{printf \"%-6s|%03d|%q|%v\" .State.Status .State.Pid \"a\" .Names}}", "running|042|\"a\"|[x y z]"),
            ("{{println 1 \"a\"}}", "1 a\n"), ("{{print 1 2 \"a\"}}", "1 2a"),
            ("{{.State.Pid | printf \"%d!\"}}", "42!"),
            ("{{$x := .State.Pid}}{{$x}}{{$x = 7}}{{$x}}", "427"), ("a {{- /* no */ -}} b", "ab"),
            ("a {{/* no */}} b{{-\n.State.Pid}}", "a  b42"),
            ("a\n {{- .State.Pid -}} \n b", "a42b"),
            ("{{and .State.Running .Empty}}{{or .Empty \"d\"}}{{not .Empty}}", "[]dtrue"),
            ("{{(index .Names 0)}}{{(.State).Pid}}", "x42"),
            ("{{if and (gt .State.Pid 41) (le .State.Pid 42)}}in{{end}}", "in"),
            ("{{.Nothing}}", "<no value>"), ("{{.state.pid}}", "42"), ("{{json .Image}}", "\"a<b\""),
            ("{{slice .Names 1 2}}{{truncate \"abcdef\" 3}}{{pad \"a\" 1 2}}|", "[y]abc a  |"),
            ("{{`raw`}}{{split \"a,b\" \",\"}}", "raw[a b]"),
            ("{{range .Names}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"),
        ] as [(String, String)])
    func `templates give what Go's give`(template: String, text: String) throws {
        #expect(try render(template) == text)
    }

    @Test func `failures are told in Go's words`() {
        #expect(failure("{{") == "template: :1: unclosed action")
        #expect(failure("{{foo}}") == "template: :1: function \"foo\" not defined")
        #expect(failure("{{.Foo}}") == "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\"")
        #expect(
            failure("{{.State.Foo}}")
                == "template: :1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\"")
        #expect(failure("{{if .State}}a") == "template: :1: unexpected EOF")
    }

    /// What the stock command gives for answers without these fields.
    @Test(
        arguments: [
            ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
            ("{{with .State.Health}}{{.Status}}{{end}}{{.State.Health}} {{json .State.Health}}", "<nil> null"),
            ("{{.Config.Labels.none}}|{{if .Config.Labels.none}}a{{else}}b{{end}}", "<no value>|b"),
            (
                "{{.Config.Entrypoint}} {{json .Config.Entrypoint}} {{.Config.ExposedPorts}} {{len .Mounts}}",
                "[] null map[] 0"
            ),
            ("{{.Config.Volumes.none}}|{{if .HostConfig.Tmpfs.none}}a{{end}}", "<no value>|"),
            ("{{range .Config.Env}}a{{else}}no{{end}}{{.State.Pid}}{{.Config.User}}", "no0"),
            ("{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.Privileged}}", "0 <nil> false"),
        ] as [(String, String)])
    func `a field of docker's types that an answer lacks is nothing, and no error`(template: String, text: String)
        throws
    {
        let container = try JSON(
            parsing: Array(
                #"{"State":{"Running":true},"Config":{"Labels":{"a":"1"},"Entrypoint":null},"HostConfig":{"PidsLimit":null}}"#
                    .utf8))
        let shown = try Template(template).render(.data(container))
        #expect(shown == text)
    }

    @Test func `services, nodes and events have the fields that they lack, too`() throws {
        func shown(_ template: String, _ text: String) throws -> String {
            try Template(template).render(.data(try JSON(parsing: Array(text.utf8))))
        }
        let service =
            #"{"Spec":{"Mode":{"Replicated":{"Replicas":1}},"TaskTemplate":{"ContainerSpec":{}}},"Endpoint":{}}"#
        let mode = try shown("{{if .Spec.Mode.Global}}g{{else}}r{{end}}{{with .UpdateStatus}}u{{end}}", service)
        #expect(mode == "r")
        let ports = try shown("{{range .Endpoint.Ports}}p{{end}}{{.PreviousSpec}}{{.Spec.UpdateConfig}}", service)
        #expect(ports == "<nil><nil>")
        let node = try shown("{{if .ManagerStatus}}m{{else}}w{{end}}", #"{"Description":{"Hostname":"a"}}"#)
        #expect(node == "w")
        let nameless = #"{"ID":"n","Description":{"Engine":{}}}"#
        let name = try shown("{{.Description.Hostname}}|{{with .Description}}{{.Hostname}}{{end}}", nameless)
        #expect(name == "|")
        let event = try shown(
            "{{.Status}}|{{.ID}}|{{.Type}}|{{.Actor.Attributes.x}}",
            #"{"Type":"network","Actor":{"ID":"n","Attributes":{}},"timeNano":1}"#)
        #expect(event == "||network|<no value>")
    }

    @Test(
        arguments: [
            ("{{range .Mounts}}{{.Name}}{{.Driver}}|{{.Destination}}{{end}}", "|/data"),
            (
                "{{.Config.Labels.x.b}} {{.Config.Labels.b.c.d}} {{.Config.Volumes.a.b}}",
                "<no value> <no value> <no value>"
            ),
            ("{{with .HostConfig}}{{.Init}}{{end}}{{$c := .Config}}{{$c.Healthcheck}}", "<nil><nil>"),
            ("{{range .Endpoint.Ports}}{{.PublishedPort}}|{{.Name}}{{end}}", "0|"),
            ("{{range .IPAM.Config}}{{.Subnet}}{{.Gateway}}{{end}}{{.IPAM.Options}}", "10.0.0.0/24map[]"),
            ("{{range .Status.PortStatus.Ports}}p{{end}}", ""),
        ] as [(String, String)])
    func `what stands in lists, and below what a map lacks, is nothing, too`(template: String, text: String) throws {
        let answer = try JSON(
            parsing: Array(
                """
                {"Mounts":[{"Type":"bind","Destination":"/data","RW":true}],"Config":{"AttachStdin":false,"Labels":{"a":"1"}},
                "HostConfig":{"LogConfig":{}},"Endpoint":{"Ports":[{"TargetPort":80,"PublishMode":"host"}]},
                "IPAM":{"Config":[{"Subnet":"10.0.0.0/24"}],"Options":null},"Status":{"PortStatus":{}}}
                """.utf8))
        let shown = try Template(template).render(.data(answer))
        #expect(shown == text)
    }

    @Test func `what is asked of nothing is an error`() throws {
        let value = try JSON(parsing: Array(#"{"State":{"Running":true},"HostConfig":{}}"#.utf8))
        #expect(throws: (any Error).self) { try Template("{{.State.Health.Status}}").render(.data(value)) }
        #expect(throws: (any Error).self) { try Template("{{.State.Nothing}}").render(.data(value)) }
        let row = Row([:], methods: ["Label": { $0 }])
        #expect(throws: (any Error).self) { try Template("{{.Label}}").render(.row(row)) }
        #expect(throws: (any Error).self) { try Template("{{.Label \"a\" \"b\"}}").render(.row(row)) }
    }

    @Test func `numbers out of range are refused, and nesting has an end`() throws {
        #expect(failure("{{pad .Image -1 0}}")?.hasSuffix("error calling pad: strings: negative Repeat count") == true)
        #expect(failure("{{pad .Image 0 99999999999}}")?.hasSuffix("Repeat output length overflow") == true)
        #expect(failure("{{truncate .Image -1}}")?.hasSuffix("slice bounds out of range [:-1]") == true)
        #expect(failure("{{index .Names 9223372036854775807}}")?.hasSuffix("slice index out of range") == true)
        #expect(failure("{{slice .Image 2 1}}")?.contains("out of range") == true)
        #expect(try render("{{printf \"a%99999999999d\" 1}}") == "a%!(NOVERB)")
        #expect(try render("{{printf \"%.99999999999f\" 1}}") == "%!(NOVERB)")
        #expect(try render("{{printf \"%.500f\" 1}}") == "1." + String(repeating: "0", count: 500))
        func nested(_ depth: Int) -> String {
            "{{" + String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth) + "}}"
        }
        #expect(try render(nested(100)) == "1")
        #expect(failure(nested(100_000)) == "template: :1: nested too deep")
        #expect(failure(String(repeating: "{{if 1}}", count: 100_000)) == "template: :1: nested too deep")
    }

    @Test func `tables have headers and columns, other formats have neither`() throws {
        let listing = Listing(table: "table {{.ID}}\t{{.Name}}", headers: ["ID": "ID", "Name": "NAME"])
        let rows = [
            Row(["ID": "1", "Name": "a"], methods: ["Label": { "<\($0)>" }]), Row(["ID": "1234567890", "Name": "b"]),
        ]
        #expect(
            try listing.render(rows, format: nil)
                == """
                ID           NAME
                1            a
                1234567890   b

                """)
        #expect(try listing.render(rows, format: nil, isQuiet: true) == "1\n1234567890\n")
        #expect(try listing.render(rows, format: "json").hasPrefix("{\"ID\":\"1\",\"Name\":\"a\"}\n"))
        #expect(try listing.render([rows[0]], format: "{{.Label \"x\"}}\\t{{.ID}}") == "<x>\t1\n")
        #expect(
            try listing.render([rows[0]], format: "table {{.Name}}\\t{{.Label \"com.x-y\"}}\\t{{upper .ID}}")
                == "NAME      x y       ID\na         <com.x-y>   1\n".replacing("x y       ID", with: "x y         ID")
        )
    }

    @Test func `the raw format is a line a field, and what quiet leaves alone`() throws {
        let row = Row(["ID": "1", "Name": "a"])
        let listing = Listing(table: "table {{.ID}}", headers: [:], raw: ["id: {{.ID}}", "name: {{.Name}}"])
        let whole = try listing.render([row, row], format: "raw")
        #expect(whole == "id: 1\nname: a\n\nid: 1\nname: a\n\n")
        let quiet = try listing.render([row, row], format: "raw", isQuiet: true)
        #expect(quiet == "id: 1\nid: 1\n")
        let text = try Listing(table: "", headers: [:]).render([row], format: "raw")
        #expect(text == "raw\n")
    }

    @Test func `a field that a row does not have is told with the row's type`() {
        let words = "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type"
        #expect(throws: ExitError(1, "template parsing error: \(words) *node.nodeContext")) {
            try Listing(table: "", headers: [:], typeName: "*node.nodeContext").render([Row([:])], format: "{{.Foo}}")
        }
        #expect(throws: ExitError(1, "failed to execute template: \(words) *formatter.ContainerContext")) {
            try ContainerRow.listing(size: false).render([Row([:])], format: "{{.Foo}}")
        }
    }

    @Test func `sorted and escaped as Go writes a map`() throws {
        let listing = Listing(table: "", headers: [:])
        #expect(
            try listing.render([Row(["b": "1->2", "a": true])], format: "json") == "{\"a\":true,\"b\":\"1-\\u003e2\"}\n"
        )
    }
}
