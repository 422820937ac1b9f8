import Testing

/// Nothing that comes from outside, from a client, a container, another node, a registry or the kernel, may end a daemon by being larger,
/// shorter or of another number than expected.
@Suite struct TrapTests {
    /// The targets that read what others wrote, or compute with it. Not the programs of a user's own command line.
    private static let targets: Set<String> = [
        "Addressing", "Cluster", "Concurrency", "ContainerRuntime", "Dashboard", "DataPlane", "DockerAPI",
        "DockerClient", "DockerMessages", "DockerTypes", "ESP", "ESPControl", "Engine", "EngineInterface",
        "EtcdStore", "Images", "LinuxSystem", "LocalStore", "LogDrivers", "Logs", "Model", "NameService", "Netlink",
        "Nftables", "NodeProtocol", "OCI", "Orchestration", "PathProbes", "PeerNames", "StateStore", "Telemetry",
        "Templates", "apus-esp", "apusd",
    ]

    private static let allowed: [Allowance] = [
        Allowance(
            path: "Sources/Netlink/RouteSocket.swift", form: "errors[position]",
            reason: "positions count the requests that the list of errors was made for"),
        Allowance(
            path: "Sources/ESP/Process/StateApplier+Associations.swift",
            form: "lanes[Int(truncatingIfNeeded: known.association.lane)]",
            reason: "only what is on a lane that there is has been installed"),
        Allowance(
            path: "Sources/ESP/Process/StateApplier+Associations.swift", form: "places[0]",
            reason: "a dictionary, by lane"),
        Allowance(
            path: "Sources/ESP/Receiving/Coalescer.swift", form: "flows[at]",
            reason: "below how many are open after one was flushed: what is above it is in the memory, too"),
        Allowance(
            path: "Sources/Telemetry/Sampling/StatText.swift", form: "bytes[start..<position]",
            reason: "both are places that were passed, one after the other"),
        Allowance(
            path: "Sources/Images/Trees/TarHeader.swift", form: "block[offset + index]",
            reason: "fields of a block we make, at offsets of the format; every field is cut to its length"),
        Allowance(
            path: "Sources/Images/Trees/TarHeader.swift", form: "block[156]", reason: "a block has 512 bytes"),
        Allowance(
            path: "Sources/Images/Trees/TarHeader.swift", form: "block[154]", reason: "a block has 512 bytes"),
        Allowance(
            path: "Sources/ContainerRuntime/Conmon/ConmonLaunch.swift", form: "ends[0]",
            reason: "two or three pipes, made right here"),
        Allowance(
            path: "Sources/ContainerRuntime/Conmon/ConmonLaunch.swift", form: "ends[1]",
            reason: "two or three pipes, made right here"),
        Allowance(
            path: "Sources/DataPlane/Kernel/KernelFeatures.swift", form: "links[3]",
            reason: "one result for each of four requests"),
        Allowance(
            path: "Sources/DataPlane/Kernel/KernelFeatures.swift", form: "links[2]",
            reason: "one result for each of four requests"),
        Allowance(
            path: "Sources/ContainerRuntime/Streams/OutputViewer.swift", form: "state.pieces[state.taken]",
            reason: "only called where a piece is left to take"),
        Allowance(
            path: "Sources/LogDrivers/Formats/JSONBytes.swift", form: "text[place + 1]",
            reason: "two more bytes are left"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "line[mark + 1]",
            reason: "the mark is within the line and not its last byte"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[at]",
            reason: "only digits at places that are within the shortest stamp, or counted before"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[4]",
            reason: "a stamp has 20 bytes at least"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[7]",
            reason: "a stamp has 20 bytes at least"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[10]",
            reason: "a stamp has 20 bytes at least"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[13]",
            reason: "a stamp has 20 bytes at least"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[16]",
            reason: "a stamp has 20 bytes at least"),
        Allowance(
            path: "Sources/Logs/LogLine.swift", form: "text[next + 2]",
            reason: "five bytes are left"),
        Allowance(
            path: "Sources/Logs/LogParser.swift", form: "room[text.count]",
            reason: "the room is one longer than the text"),
        Allowance(
            path: "Sources/ContainerRuntime/Interface/CrunMessages.swift", form: "self[start...]",
            reason: "an index of the same text, found by the search before"),
    ]

    @Test func `nothing that comes from outside can end the program`() throws {
        let tree = try SourceTree()
        var found: [Allowance.Finding] = []
        for file in tree.files
        where file.path.hasPrefix("Sources/") && Self.targets.contains(file.target) && !file.isGenerated {
            for finding in TrapRule.findings(in: file.lines.map { TidyTests.code(of: $0) }) {
                found.append((file.path, finding.line + 1, finding.form))
            }
        }
        for problem in Self.allowed.problems(with: found, says: "may trap") { Issue.record("\(problem)") }
    }

    @Test(arguments: [
        "let a = UInt8(value >> 8)", "f(Int(clamping: UInt16(b)))", "x = Int32.init(y)", "count += size_t(rest)",
        "let c = Int(text)", "words.prefix(count - 1)", "words.dropFirst(limit - words.count)",
        "let a = bytes[position]", "let a = fields[3]", "a = bytes[start..<start + 4]", "a = text[2...]",
        "a = bytes[..<count]",
        "a = words[words.count - 1]", "digits[Int(clamping: b)]", "queue.removeFirst()", "a.removeFirst(3)",
        "text.removeLast()",
        "Dictionary(uniqueKeysWithValues: pairs)", "text.index(text.startIndex, offsetBy: 3)",
        "guard fields.count > 2, f(fields[3]) else {",
    ])
    func `a trap is found`(line: String) { #expect(TrapRule.findings(in: [line]).count == 1) }

    @Test func `a conversion may go on in the next line`() {
        #expect(
            TrapRule.findings(in: ["let a = Int(", "    limit ?? other)"]) == [
                .init(line: 0, form: "Int(limit ?? other)")
            ])
        #expect(TrapRule.findings(in: ["let a = Int(", "    clamping: limit ?? other)"]).isEmpty)
        #expect(TrapRule.findings(in: ["guard parts.count == 2 else { return nil }", "", "use(parts[1])"]).isEmpty)
    }

    @Test(arguments: [
        "let a = UInt8(3)", "UInt16(NLMSG_NOOP) | UInt16(RT_TABLE.rawValue)", "Int(exactly: a) ?? Int(clamping: b)",
        "guard let a = Int(text), a > 0 else {", "if let a = UInt16(fields.first ?? 0) {", "Int(text) ?? 0",
        "x.compactMap { Int($0) }", "words.prefix(max(0, count - 1))", "words.prefix(while: { $0 != end })",
        "table[name + suffix]", "values[key] = nil", "func index(of: Int)", "UInt8(ascii: a)...UInt8(ascii: b)",
        "guard fields.count > 3, f(fields[3]) else {", "while position < bytes.count, f(bytes[position]) {",
        "name[..<colon]",
        "for index in a.indices { a[index] = 0 }", "parts.count == 2 ? parts[1] : nil",
        "guard !queue.isEmpty { queue.removeFirst() }",
        "Int(text, radix: 10)", "bytes.map(UInt8.init(bitPattern:))",
        "UInt16((isReply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG).rawValue)",
        "let a: [Int] = []",
    ])
    func `what cannot trap is let through`(line: String) { #expect(TrapRule.findings(in: [line]) == []) }
}
