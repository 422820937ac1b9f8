import ContainerRuntime
import Faults
import Model
import TestKit
import Testing

@testable import Engine

@Suite struct StatsTests {
    @Test func `a process is shown in the columns of ps`() throws {
        let table = ProcessTable(
            users: [0: "root", 33: "www-data", 7: "a-long-user-name"], now: Timestamp(seconds: 1_700_000_000),
            bootTime: 1_699_999_000, ticksPerSecond: 100)
        // Field 3 on: state, ppid, pgrp, session, tty, …, utime 14th, stime 15th, starttime 22nd.
        let stat = "42 (a) b) S 7 42 42 34817 42 4194560 1 2 3 4 15000 5000 0 0 20 0 1 0 50000 1 1"
        let row = try #require(
            table.row(42, stat: stat, status: "Name:\ta\nUid:\t33\t33\t33\t33\n", commandLine: "nginx\0-g\0"))
        #expect(row.count == ProcessTable.titles.count)
        #expect(row[0] == "www-data" && row[1] == "42" && row[2] == "7")
        // 200 s of work in 500 s of life.
        #expect(row[3] == "40" && row[5] == "pts/1" && row[6] == "00:03:20" && row[7] == "nginx -g")
        let long = try #require(table.row(42, stat: stat, status: "Uid:\t7\t7\t7\t7", commandLine: ""))
        #expect(long[0] == "a-long-+" && long[7] == "[a) b]")
        #expect(table.row(42, stat: "nonsense", status: "", commandLine: "") == nil)
    }

    @Test func `rows of ps are chosen by process id, and its column cannot be renamed`() throws {
        let text = "  PID COMMAND\n    7 sh -c a  b\n   88 other\n"
        let table = try PsOutput.parse(text, pids: [7])
        #expect(table.titles == ["PID", "COMMAND"] && table.processes == [["7", "sh -c a  b"]])
        #expect(throws: APIError.self) { try told { try PsOutput.parse("USER COMMAND\n", pids: [7]) } }
        #expect(throws: APIError.self) { try told { try PsOutput.check("-o ppid=PID") } }
        try PsOutput.check("-eo pid,comm")
    }

    /// Arguments come from a client, and are looked through in a time that grows with their length only.
    @Test(.timeLimit(.minutes(1))) func `arguments full of blanks hold nobody up`() throws {
        for text in [String(repeating: " ", count: 300_000), String(repeating: " a= ", count: 50_000)] {
            try PsOutput.check(text)
            #expect(throws: APIError.self) { try told { try PsOutput.check(text + " x= PIDX") } }
        }
    }

    @Test func `paths in containers are cleaned, and their end says what is meant`() {
        #expect(ContainerPath("/etc/nginx").base == "nginx" && !ContainerPath("/etc/nginx").followsLast)
        #expect(ContainerPath("/etc/nginx/.").base == "." && ContainerPath("/etc/nginx/.").followsLast)
        #expect(ContainerPath("a/../../../b/").path == "/b" && ContainerPath("b/").followsLast)
        #expect(ContainerPath("/").base.isEmpty && ContainerPath("/").name == "/")
    }

    @Test func `an update changes what it names, within the limits`() throws {
        var before = HostConfiguration()
        before.memory = 64 << 20
        before.memorySwap = 128 << 20
        before.cpuShares = 5
        var changes = HostConfiguration()
        changes.memory = 100 << 20
        let host = try ResourceUpdate(before).applying(changes)
        #expect(host.memory == 100 << 20 && host.memorySwap == 128 << 20 && host.cpuShares == 5)
        #expect(ResourceUpdate.resources(changes, in: host).memorySwap == 128 << 20)
        changes.memory = 200 << 20
        #expect(throws: APIError.self) { try told { try ResourceUpdate(before).applying(changes) } }
        before.autoRemove = true
        changes = HostConfiguration()
        changes.restartPolicy.name = "always"
        #expect(throws: APIError.self) { try told { try ResourceUpdate(before).applying(changes) } }
    }
}
