import Commands
import DockerClient
import Model
import Templates
import Testing

/// Tables of alerts, their rules, and of what the swarm uses, out of managers' answers.
@Suite struct SwarmTableTests {
    private func json(_ text: String) throws -> JSON { try JSON(parsing: Array(text.utf8)) }

    @Test func `alerts that need somebody come first, then silenced ones, then what is over`() throws {
        let alerts = try json(
            #"""
            [{"ID":"a","Name":"A","Severity":"warning","Summary":"over","StartsAt":"2026-11-29T03:00:00Z",
              "EndsAt":"2026-11-29T04:00:00Z","Labels":{}},
             {"ID":"b","Name":"B","Severity":"critical","Summary":"quiet","StartsAt":"2026-11-29T02:00:00Z",
              "Labels":{"node_name":"one"},"Silence":{"ID":"s","Spec":{"EndsAt":"2026-11-30T00:00:00Z","CreatedBy":"mei"}}},
             {"ID":"c","Name":"C","Severity":"critical","Summary":"loud","StartsAt":"2026-11-29T01:00:00Z","Labels":{}}]
            """#
        ).elements
        let text = try AlertRow.listing.render(
            AlertRow.rows(alerts), format: "{{.ID}} {{.Status}} {{.Node}} {{.SilencedBy}} {{.EndsAt}}")
        #expect(text == "c firing   \nb silenced one mei \na resolved   2026-11-29T04:00:00Z\n")
        let table = try AlertRow.listing.render(AlertRow.rows(alerts), format: nil)
        #expect(table.hasPrefix("ALERT ID   STATUS     SEVERITY   NAME      SINCE"))
        #expect(try AlertRow.listing.render(AlertRow.rows(alerts), format: nil, isQuiet: true) == "c\nb\na\n")
    }

    @Test func `rules are shown as they are written`() throws {
        let rule = try json(
            #"""
            {"Rule":{"Name":"Full","Metric":"node_disk_free_ratio","Comparison":"<","Threshold":0.25,"Seconds":5430,
            "Severity":"critical","Summary":"s"},"Origin":"own","Disabled":true}
            """#)
        let text = try AlertRuleRow.listing.render(
            [AlertRuleRow.row(rule)], format: "{{.Name}} {{.State}} {{.Expression}} {{.For}} {{.Origin}}")
        #expect(text == "Full disabled node_disk_free_ratio < 0.25 1h30m30s own\n")
    }

    @Test func `an expression is a metric, an operator and a number`() throws {
        for text in ["node_down >= 1", "node_down>=1", " node_down  >=  1.0 "] {
            let rule = try AlertExpression.parse(text)
            #expect(rule.metric == "node_down" && rule.comparison == ">=" && rule.threshold == 1, "\(text)")
        }
        #expect(try AlertExpression.parse("managers_to_spare < -2.5e1").threshold == -25)
        for text in ["", "node_down", "node_down >", "> 1", "node_down > x", "node_down > inf", "a > 1 > 2"] {
            #expect(throws: (any Error).self, "\(text)") { try AlertExpression.parse(text) }
        }
    }

    private static let usage = #"""
        {"Nodes":[{"ID":"n1","Name":"one","State":"ready","Availability":"active","Cores":1.5,"MemoryBytes":1073741824,
          "MemoryTotalBytes":4294967296,"DiskBytes":1024,"DiskTotalBytes":2048,"Containers":3,"Processors":4},
         {"ID":"n2","Name":"two","State":"down","Availability":"drain"}],
        "Tasks":[{"ID":"t1","Name":"web.1","ServiceID":"s1","ServiceName":"web","NodeName":"one","State":"running",
          "Cores":0.25,"MemoryBytes":67108864,"MemoryLimitBytes":134217728,"NetworkReceivedBytes":1000,
          "NetworkSentBytes":2000,"BlockReadBytes":0,"BlockWrittenBytes":5,"Processes":3},
         {"ID":"t2","Name":"web.2","ServiceID":"s1","ServiceName":"web","NodeName":"two","State":"running","Cores":0.5,
          "MemoryBytes":67108864,"NetworkReceivedBytes":500,"NetworkSentBytes":0,"Processes":1},
         {"ID":"t3","Name":"db.1","ServiceID":"s2","ServiceName":"db","NodeName":"one","State":"preparing"}],
        "Containers":[{"ID":"0123456789abcdef","Name":"cache","Image":"redis","NodeID":"n2","NodeName":"two",
          "State":"running","Cores":0.5,"MemoryBytes":1048576,"MemoryLimitBytes":2097152,"Processes":2}]}
        """#

    @Test func `services are what their tasks use together, the busiest first`() throws {
        let table = UsageTable(try json(Self.usage))
        #expect(
            try table.text(
                .service, .cpu, format: "{{.Name}} {{.Tasks}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.PIDs}}")
                == "web 2 75.00% 128MiB 1.5kB / 2kB 4\ndb 0 -- -- -- / -- --\n")
        #expect(try table.text(.service, .name, format: "{{.Name}}") == "db\nweb\n")
        #expect(try table.text(.service, .cpu, format: nil).hasPrefix("SERVICE   TASKS     CPU %"))
    }

    @Test func `containers that belong to no task have their node, and a table when there are any`() throws {
        let table = UsageTable(try json(Self.usage))
        #expect(
            try table.text(
                .container, .cpu,
                format: "{{.ID}} {{.Name}} {{.Node}} {{.State}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}}")
                == "0123456789ab cache two running 50.00% 1MiB / 2MiB 50.00% -- / --\n")
        #expect(table.hasContainers)
        #expect(!UsageTable(try json(#"{"Nodes":[],"Tasks":[]}"#)).hasContainers)
    }

    @Test func `nodes and tasks have what they told, and dashes for the rest`() throws {
        let table = UsageTable(try json(Self.usage))
        #expect(
            try table.text(
                .node, .memory, format: "{{.Name}} {{.Status}} {{.CPUPerc}} {{.MemPerc}} {{.DiskUsage}} {{.Containers}}"
            )
                == "one Ready 150.00% 25.00% 1KiB / 2KiB 3\ntwo Down -- -- -- / -- --\n")
        #expect(
            try table.text(
                .task, .cpu,
                format: "{{.Name}} {{.Node}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.BlockIO}} {{.PIDs}}")
                    == """
                    web.2 two 50.00% 64MiB / -- -- -- / -- 1
                    web.1 one 25.00% 64MiB / 128MiB 50.00% 0B / 5B 3
                    db.1 one -- -- / -- -- -- / -- --

                    """)
    }

    @Test func `earlier tasks of a slot are indented in tables alone`() throws {
        let tasks = try (1...2).map { number in
            (
                name: "web.1", node: "one",
                task: try json(
                    #"{"ID":"t\#(number)","CreatedAt":"2026-11-29T0\#(number):00:00Z","Status":{"State":"running"}}"#)
            )
        }
        func names(_ format: String?) throws -> [String] {
            let rows = TaskTable.rows(tasks, isShort: true, format: format)
            return try TaskTable.listing.render(rows, format: "{{.ID}} {{.Name}}").split(separator: "\n").map(
                String.init)
        }
        for format in [nil, "", "table", "table {{.Name}}"] {
            let shown = try names(format)
            #expect(shown == ["t2 web.1", "t1  \\_ web.1"], "\(format ?? "none")")
        }
        for format in ["json", "{{json .}}", "{{.Name}}"] {
            let shown = try names(format)
            #expect(shown == ["t2 web.1", "t1 web.1"], "\(format)")
        }
    }

    @Test func `a node that has not told its name has an empty one`() throws {
        let node = try json(
            #"{"ID":"n1","Spec":{"Availability":"active"},"Status":{"State":"unknown"},"Description":{"Engine":{}}}"#)
        let row = NodeRow.row(node, own: "", cluster: .null)
        let text = try NodeRow.listing.render([row], format: "{{.ID}}|{{.Hostname}}|{{.Status}}")
        #expect(text == "n1||Unknown\n")
    }

    /// What the stock command shows of it.
    @Test func `a service for people has the parts that docker's has, in its order`() throws {
        let service = try json(
            #"""
            {"ID":"s1","Spec":{"Name":"web","Labels":{"a":"b","none":""},"Mode":{"Replicated":{"Replicas":2}},
            "TaskTemplate":{"ContainerSpec":{"Image":"nginx","Init":false,"User":"u","CapabilityAdd":["CAP_CHOWN"],
            "Sysctls":{"net.a":"1"},"Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}],"Healthcheck":{"Test":["CMD","x"]}},
            "LogDriver":{"Name":"json-file","Options":{"max-size":"1m"}},"Resources":{"Limits":{"Pids":5}},
            "Placement":{"Preferences":[{"Spread":{"SpreadDescriptor":"a"}},{"Spread":{"SpreadDescriptor":"b"}}]}}},
            "Endpoint":{"Spec":{"Mode":"vip"},"Ports":[
            {"Protocol":"tcp","TargetPort":80,"PublishedPort":8080,"PublishMode":"ingress"},
            {"Protocol":"udp","TargetPort":53,"PublishedPort":53,"PublishMode":"host"}]}}
            """#)
        let text = ServicePretty.text(service, networks: [:])
        let parts = [
            "Labels:\n a=b\n none\n", " Preferences:   [spread=a spread=b]\n",
            " Init:\t\tfalse\n User: u\nCapabilities:\n",
            " Add: CAP_CHOWN\nSysCtls:\n net.a: 1\nUlimits:\n nofile: 1:2\nLog Driver:\n Name:\t\tjson-file\n",
            " LogOpts:\n  max-size:       1m\n\nResources:\n Limits:\n  PIDs:\t\t5\n",
            "  PublishMode = ingress\n PublishedPort = 53\n", "  PublishMode = host \n Healthcheck:\n",
            "\t Test = CMD\n\t Test = x \n",
        ]
        for part in parts { #expect(text.contains(part), "\(part) in \(text)") }
    }
}
