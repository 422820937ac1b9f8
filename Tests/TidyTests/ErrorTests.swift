import Testing

/// The domain throws cases, the edges write what clients read.
@Suite struct ErrorTests {
    /// Where a client is answered, or a person at a terminal.
    private static let edges: Set<String> = ["Commands", "Dashboard", "DockerAPI", "DockerTypes", "Lab"]
    /// Who hands a text to a reader.
    private static let tellers: Set<String> = [
        // answered over HTTP
        "Sources/DockerAPI/Dispatch/FaultStatus.swift", "Sources/Dashboard/Server/DashboardAnswer.swift",
        "Sources/Dashboard/Adapter/EngineDashboard+Logs.swift", "Sources/Dashboard/Adapter/MergedLog.swift",
        // answered over gRPC, where a node hands it on to its user
        "Sources/Cluster/Manager/AttachmentService.swift", "Sources/Cluster/Agent/LogPublisher.swift",
        "Sources/Cluster/Agent/TunnelAnswerer.swift",
        // what `docker exec` shows of a command that could not be started
        "Sources/Engine/Exec/ExecService.swift",
        // `Err` of a task, `State.Error` of a container, output of a health check, `Error` and `Warnings` of `docker info`
        "Sources/Engine/Tasks/MeshWatch.swift",
        "Sources/Cluster/Agent/TaskRunner.swift", "Sources/Engine/Tasks/TaskService.swift",
        "Sources/Engine/Containers/ContainerService.swift", "Sources/Engine/Containers/ContainerService+Removal.swift",
        "Sources/Engine/Health/HealthMonitor.swift", "Sources/Cluster/Swarm+Membership.swift",
    ]

    private let sources: [SourceTree.File]

    init() throws { sources = try SourceTree().files.filter { $0.path.hasPrefix("Sources/") } }

    @Test func `sentences for clients are written at the edges alone`() {
        for file in sources where !Self.edges.contains(file.target) && !["Faults", "TestKit"].contains(file.target) {
            for (number, line) in file.lines.enumerated()
            where line.contains("APIError") && TidyTests.has("APIError", in: TidyTests.code(of: line)) {
                Issue.record("\(file.path):\(number + 1) throws a sentence, or catches one, instead of a case")
            }
        }
    }

    @Test func `only who hands a text to a reader asks for it`() {
        for file in sources
        where file.target != "DockerMessages" && file.target != "TestKit"
            && file.lines.contains("import DockerMessages")
        {
            #expect(Self.tellers.contains(file.path), "\(file.path) throws cases; others tell what they mean")
        }
    }

    /// The compiler holds the tables complete; that there is one for each kind of error it does not see.
    @Test func `every kind of error has its table`() {
        let declared = sources.flatMap { file in
            file.lines.compactMap { line in
                line.hasPrefix("package enum ") && line.hasSuffix(": Fault, Equatable {")
                    ? line.split(separator: " ")[2].prefix { $0 != ":" } : nil
            }
        }
        let told = Set(
            sources.filter { $0.target == "DockerMessages" }.flatMap(\.lines).compactMap {
                $0.hasPrefix("extension ") && $0.hasSuffix(": MessageConvertible {")
                    ? $0.split(separator: " ")[1].prefix { $0 != ":" } : nil
            })
        #expect(declared.count > 15)
        for name in declared where !told.contains(name) {
            Issue.record("\(name) has no sentences in DockerMessages")
        }
    }
}
