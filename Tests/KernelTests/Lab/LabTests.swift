import Addressing
import Faults
import Glibc
import LinuxSystem
import NameService
import Testing

@testable import Lab

/// A lab's networks, hosts and namespaces, without daemons: those the acceptance run starts.
@Suite struct LabTests {
    private func withLab(_ underlay: LabUnderlay = LabUnderlay(), _ body: (LabPaths) async throws -> Void) async throws
    {
        let paths = try LabPaths(name: "t" + RandomID.hex(bytes: 6))
        try Files.makeDirectories(paths.runtime, mode: 0o755)
        try Mounts.tmpfs(at: paths.runtime, options: "mode=755")
        try Mounts.setPropagation(.private, of: paths.runtime)
        let result: Result<Void, any Error>
        do {
            try await LabNetwork.create(
                paths, underlay,
                [
                    .init(name: "node-1", addresses: underlay.node(1), isNode: true),
                    .init(name: "node-2", addresses: underlay.node(2), isNode: true),
                    .init(name: "client", addresses: underlay.client),
                    .init(name: "internet", addresses: underlay.internet),
                ])
            result = .success(try await body(paths))
        } catch {
            result = .failure(error)
        }
        try await LabCluster(name: paths.name).down()
        #expect(!Files.exists(paths.runtime) && !Files.exists(paths.data))
        #expect(try LabProcesses.find(paths).isEmpty)
        try result.get()
    }

    /// Asks as curl would, and reads to the end.
    private func get(
        _ address: IPAddress, _ port: UInt16, from namespace: NetworkNamespace, seconds: Int = 5
    ) async throws -> String {
        try await namespace.run {
            let socket = try connectedSocket(address, port, seconds: seconds)
            try socket.writeAll(Array("GET / HTTP/1.0\r\n\r\n".utf8))
            return String(decoding: try socket.readToEnd(), as: UTF8.self)
        }
    }

    @Test(arguments: LabFamilies.allCases)
    func `the client reaches the internet host, until its cable is pulled`(_ families: LabFamilies) async throws {
        let underlay = LabUnderlay(families)
        try await withLab(underlay) { paths in
            let host = try InternetHost(lab: paths.name, underlay: underlay, registry: "127.0.0.1:1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await host.run() }
                let client = paths.network("client")
                for (own, internet) in zip(underlay.client.all, underlay.internet.all) {
                    let page = try await polled { try await get(internet, InternetHost.webPort, from: client) }
                    #expect(page.contains("you are \(own)\n"))
                    for (type, family) in [(RecordType.a, IPFamily.v4), (.aaaa, .v6)] {
                        var query = Message()
                        query.question = Question(try #require(DomainName("google.com")), type)
                        let octets = query.encoded()
                        let reply = try await client.run { try exchange(octets, internet, 53, .udp) }
                        let known = underlay.internet.all.filter { $0.family == family }.map { address -> RecordData in
                            switch address {
                            case .v4(let address): .address(address)
                            case .v6(let address): .address6(address.octets)
                            }
                        }
                        #expect(try Message(decoding: reply).answers.map(\.data) == known)
                    }
                    // Nothing listens at that registry: the relay closes, or resets if it has not read the request by then.
                    var relayed = ""
                    do {
                        relayed = try await polled { try await get(internet, LabUnderlay.registryPort, from: client) }
                    } catch is SystemError {}
                    #expect(relayed.isEmpty)
                }
                let internet = underlay.internet.main
                try await LabNetwork.setConnected(false, "client", paths)
                #expect(try await LabNetwork.disconnected(paths) == ["client"])
                await #expect(throws: SystemError.self) {
                    try await get(internet, InternetHost.webPort, from: client, seconds: 1)
                }
                try await LabNetwork.setConnected(true, "client", paths)
                #expect(try await LabNetwork.disconnected(paths).isEmpty)
                _ = try await polled { try await get(internet, InternetHost.webPort, from: client) }
                group.cancelAll()
            }
        }
    }

    /// Whether there is an answer, a refusal among them.
    private func reaches(_ address: IPAddress, from namespace: NetworkNamespace) async throws -> Bool {
        do {
            try await namespace.run { _ = try connectedSocket(address, 9) }
            return true
        } catch let error as SystemError {
            return error.errno == ECONNREFUSED
        }
    }

    @Test(arguments: LabFamilies.allCases)
    func `members reach each other by the families asked for alone`(_ families: LabFamilies) async throws {
        let underlay = LabUnderlay(families)
        let everything = LabUnderlay(.dual)
        try await withLab(underlay) { paths in
            let (node, client) = (paths.network("node-1"), paths.network("client"))
            for (other, outside) in zip(everything.node(2).all, everything.client.all) {
                let family = other.family
                let isThere = underlay.families.all.contains(family)
                let amongNodes = isThere && !(families == .ipv6Inside && family == .v4)
                let found = [
                    try await reaches(other, from: client), try await reaches(outside, from: node),
                    try await reaches(other, from: node),
                ]
                #expect(found == [isThere, isThere, amongNodes], "\(other)")
            }
        }
    }

    @Test func `a node has its own name, directories, resolver and cgroups`() async throws {
        try await withLab { paths in
            let node = NodeNamespaces(paths: paths, node: "node-1")
            try await node.create(resolvConf: LabUnderlay().resolvConf)
            let mounts = try await onThread {
                try node.enter()
                var name = utsname()
                uname(&name)
                let hostname = withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix(6), as: UTF8.self) }
                #expect(hostname == "node-1")
                #expect(try Files.text("/etc/resolv.conf") == LabUnderlay().resolvConf)
                try Files.writeAtomically("here", to: "/run/apus/probe")
                try Files.writeAtomically("there", to: "/var/lib/apus/probe")
                #expect(!Files.exists(paths.stateFile) && !Files.exists(paths.nodeEtc("node-1")))
                // Its own /run has nothing of this machine's, and /var/run is the same.
                let run = try Files.list("/run")
                #expect(run.contains("apus") && !run.contains("apus-lab") && !run.contains("apus-test"), "\(run)")
                try Files.writeAtomically("own", to: "/var/run/docker.sock")
                let links = try Files.list("/sys/class/net").filter { Files.exists("/sys/class/net/\($0)/ifindex") }
                let known = (try Files.text("/proc/thread-self/net/dev") ?? "").split(separator: "\n").dropFirst(2)
                    .map { $0.prefix { $0 != ":" }.filter { $0 != " " } }
                #expect(links == known.sorted() && links.count > 1)
                return try Mounts.list()
            }
            #expect(try Files.text(paths.nodeRuntime("node-1") + "/probe") == "here")
            #expect(try Files.text(paths.nodeData("node-1") + "/probe") == "there")
            #expect(try Files.text(paths.nodeRun("node-1") + "/docker.sock") == "own")
            let groups = mounts.filter { $0.type == "cgroup" || $0.type == "cgroup2" }
            #expect(!groups.isEmpty && groups.allSatisfy { $0.root == paths.cgroup + "/node-1" })
            #expect(Set(groups.map(\.target)).count == groups.count)
        }
    }

    @Test func `a command for a lab that is not there leaves nothing of it`() async throws {
        let lab = try LabCluster(name: "t" + RandomID.hex(bytes: 6))
        await #expect(throws: APIError(.notFound, "no lab called \"\(lab.paths.name)\" is up")) {
            try await lab.kill("node-1")
        }
        await #expect(throws: (any Error).self) { try await lab.heal(nil) }
        #expect(!Files.exists(lab.paths.lockFile))
        try await lab.down()
        #expect(!Files.exists(lab.paths.lockFile))
    }

    @Test func `names that would not fit in paths are refused`() {
        for name in ["", "A", "1a", "a/b", "..", "a b", String(repeating: "a", count: 25)] {
            #expect(throws: (any Error).self) { try LabPaths(name: name) }
        }
    }

    @Test func `replies are read with and without chunks`() throws {
        let plain = try EngineClient.parse(Array("HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n{\"message\":\"no\"}".utf8))
        #expect(plain.status == 404 && plain.message == "no")
        let chunked = try EngineClient.parse(
            Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".utf8))
        #expect(chunked.body == Array("abcde".utf8))
        for text in ["", "HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc\r\n"] {
            #expect(throws: (any Error).self) { try EngineClient.parse(Array(text.utf8)) }
        }
    }
}

/// Tries until it works, twenty seconds at most.
private func polled<T>(_ attempt: () async throws -> T) async throws -> T {
    let end = ContinuousClock.now + .seconds(20)
    while true {
        do { return try await attempt() } catch {
            guard ContinuousClock.now < end else { throw error }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
