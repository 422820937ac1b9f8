import Testing

/// Addresses, subnets and name servers are values in the model and in what works with it: text is what stands on the wire, in what a user writes and in
/// what people read. A text would be parsed anew by everyone who asks, each with an idea of its own of what to do when it is none.
@Suite struct AddressTypeTests {
    private static let targets: Set<String> = ["Cluster", "DataPlane", "Model", "Orchestration"]

    private struct Excuse {
        let path: String
        let names: Set<String>
        let reason: String
    }

    private static let excused: [Excuse] = [
        Excuse(
            path: "Sources/Model/Container/ContainerAnswers.swift",
            names: [
                "address", "gateway", "globalIPv6Address", "iPv6Gateway", "ipAddress", "linkLocalIPv6Address",
                "secondaryIPAddresses", "secondaryIPv6Addresses",
            ], reason: "answers of the Engine API, with empty texts where there is nothing; a log's receiver"),
        Excuse(
            path: "Sources/Model/Container/HostConfiguration.swift", names: ["nameServers"],
            reason: "a request's body, kept and shown as it came"),
        Excuse(
            path: "Sources/Model/Errors/NetworkRequestErrors.swift", names: ["address"],
            reason: "what a user has written, for the message"),
        Excuse(
            path: "Sources/Model/Image/RegistryCredentials.swift", names: ["serveraddress"],
            reason: "a registry's name"),
        Excuse(
            path: "Sources/Model/Network/NetworkRequest.swift",
            names: [
                "gateway", "globalIPv6Address", "iPv4Address", "iPv6Address", "iPv6Gateway", "ipAddress", "subnet",
            ], reason: "requests' bodies and answers of the Engine API"),
        Excuse(
            path: "Sources/Model/Network/NetworkStatus.swift", names: ["subnet"], reason: "a label of metrics"),
        Excuse(
            path: "Sources/Model/Swarm/ClusterObject.swift",
            names: ["addr", "advertiseAddr", "dataPathAddr", "listenAddr", "nodeAddr", "remoteAddrs"],
            reason: "requests' bodies and answers of the Engine API; a manager may be called by a host's name"),
        Excuse(
            path: "Sources/Model/Swarm/TaskSpec.swift", names: ["nameservers"],
            reason: "a service's specification, kept and shown as it came"),
        Excuse(
            path: "Sources/Model/System/SystemAnswers.swift", names: ["indexServerAddress"], reason: "a URL"),
        Excuse(
            path: "Sources/Cluster/Agent/Agent.swift", names: ["address"],
            reason: "of a manager, which may be called by a host's name"),
        Excuse(
            path: "Sources/Cluster/Agent/Joiner.swift", names: ["address", "addresses"],
            reason: "of managers, which may be called by a host's name"),
        Excuse(
            path: "Sources/Cluster/Agent/LogPublisher.swift", names: ["address"],
            reason: "of a manager, which may be called by a host's name"),
        Excuse(
            path: "Sources/Cluster/Certificates/SwarmConfiguration.swift", names: ["advertiseAddress"],
            reason: "an option, which may be a link's name"),
        Excuse(
            path: "Sources/Cluster/Feed/PathReport.swift", names: ["address"], reason: "part of a sentence"),
        Excuse(
            path: "Sources/Cluster/Transport/NodeTransport.swift", names: ["address"],
            reason: "of a manager, which may be called by a host's name"),
    ]

    @Test func `addresses are values where they are worked with`() throws {
        var used: Set<String> = []
        for file in try SourceTree().files
        where file.path.hasPrefix("Sources/") && Self.targets.contains(file.target) && !file.isGenerated {
            let names = Self.excused.first { $0.path == file.path }?.names ?? []
            for finding in Self.findings(in: file.lines) {
                if names.contains(finding.name) {
                    used.insert("\(file.path) \(finding.name)")
                } else {
                    Issue.record("\(file.path):\(finding.line) has \(finding.name) as a text: see `Addressing`")
                }
            }
        }
        for excuse in Self.excused {
            for name in excuse.names.sorted() where !used.contains("\(excuse.path) \(name)") {
                Issue.record("\(excuse.path) has no text \(name) any more: take it off the list")
            }
        }
    }

    private static let endings = [
        "address", "addresses", "addr", "addrs", "subnet", "subnets", "resolver", "resolvers", "gateway", "gateways",
        "nameserver", "nameservers",
    ]

    /// Values and parameters with such a name whose type is a text or a list of texts, or that begin as one. Lines count from 1.
    static func findings(in lines: [String]) -> [(line: Int, name: String)] {
        let typed = #/(?:^|[ (,])([a-z]\w*): (?:\[String\]|String(?![\]:\w.]))/#
        let begun = #/(?:var|let) ([a-z]\w*) = "/#
        return lines.enumerated().flatMap { number, line in
            let code = TidyTests.code(of: line)
            let names = code.matches(of: typed).map { String($0.1) } + code.matches(of: begun).map { String($0.1) }
            return names.filter(isOfAddress).map { (line: number + 1, name: $0) }
        }
    }

    private static func isOfAddress(_ name: String) -> Bool {
        let small = name.lowercased()
        return !small.hasPrefix("mac") && endings.contains { small.hasSuffix($0) }
    }

    @Test func `texts that hold addresses are seen where they are`() {
        let lines = [
            "    package var routedSubnets: [String]?",
            "    func f(_ address: String, port: Int, hostAddr: String?) {}",
            "    var advertiseAddress = \"\"", "    let gateway: IPAddress?", "    var subnets: [String: [IPNetwork]]",
            "    // resolver: String", "    var owners: [IPAddress: String]", "    var macAddress: String",
            "    let message = \"an address: String\"", "    @Zero package var ipAddress: String",
            "    case taken(name: String, address: String)", "    var addressing: String",
            "    let address: StringProtocol",
        ]
        let found = Self.findings(in: lines)
        #expect(found.map(\.line) == [1, 2, 2, 3, 10, 11])
        #expect(
            found.map(\.name) == [
                "routedSubnets", "address", "hostAddr", "advertiseAddress", "ipAddress", "address",
            ])
    }
}
