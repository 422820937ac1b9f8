import Addressing
import Concurrency
import Faults
import GRPCCore
import Model
import NIOPosix
import NodeProtocol
import Orchestration
import SwiftProtobuf
import TestKit
import Testing

@testable import Cluster

/// Programs of different versions in one swarm. The versions are made up.
@Suite(.timeLimit(.minutes(2))) struct CapabilityTests {
    private static let group = MultiThreadedEventLoopGroup.singletonMultiThreadedEventLoopGroup

    private func program(_ version: String, _ capabilities: [String]) -> Wire.Program {
        .with {
            $0.version = version
            $0.capabilities = capabilities
        }
    }

    private static let made = Capabilities(
        version: "9.2.0",
        [
            Capability(required: "records", since: "0.3.0"), Capability(required: "towers", since: "9.10.0"),
            Capability("flags", since: "9.1.0"),
        ])

    @Test func `a program without what is required is refused with the version that it needs`() {
        let made = Self.made
        #expect(made.refusal(of: program("9.10.0", ["records", "towers", "flags", "unheard"]), called: "it") == nil)
        #expect(made.refusal(of: program("9.10.0", ["towers", "records"]), called: "it") == nil)
        #expect(
            made.refusal(of: program("9.9.0", ["records", "flags"]), called: "node x")
                == "node x runs Apus 9.9.0, which is too old: it needs version 9.10.0 or later (towers)")
        #expect(
            made.refusal(of: Wire.Program(), called: "the node")
                == "the node runs a version of Apus that does not say which, which is too old: "
                + "it needs version 9.10.0 or later (records, towers)")
        #expect(made.note(on: made.program) == nil)
        #expect(
            made.note(on: program("9.0.0", ["records", "towers"]))
                == "runs Apus 9.0.0: does without what needs version 9.1.0 (flags)")
    }

    @Test func `what every program of now has is told, and asked for`() {
        let present = Capabilities.present
        #expect(present.program.version == ProductVersion.text)
        #expect(present.refusal(of: present.program, called: "it") == nil)
        #expect(present.refusal(of: Wire.Program(), called: "it")?.contains("needs version 0.4.0") == true)
    }

    @Test
    func `what a node of before is told of its tasks has no address of IPv6 in the ingress network, and all others`() {
        var (ingress, app) = (SwarmNetwork(id: "ing"), SwarmNetwork(id: "app"))
        ingress.spec.ingress = true
        app.spec.name = "app"
        let both = ["10.1.0.5/24", "fd00::5/64"].compactMap { IPNetwork($0) }
        var task = SwarmTask(id: "t")
        task.networksAttachments = [
            NetworkAttachment(network: ingress, addresses: both), NetworkAttachment(network: app, addresses: both),
        ]
        let program = Capabilities(version: "0.4.0", [Capabilities.overlayKeys]).program
        let missing = Capabilities.present.missing(in: program)
        #expect(
            missing.contains { $0.name == Capabilities.dualMesh.name }
                && !Capabilities.has(Capabilities.dualMesh, program))
        #expect(Capabilities.has(Capabilities.dualMesh, Capabilities.present.program))
        for capability in missing { capability.leaveOutOfTask(&task) }
        #expect(task.networksAttachments?.map { $0.addresses.map(\.family) } == [[.v4], [.v4, .v6]])
    }

    @Test func `what a node does not understand is left out for it, and for it alone`() throws {
        let flags = Capability("flags", since: "9.1.0", leaveOutOfTask: { $0.labels = [:] })
        var task = SwarmTask(id: "one")
        task.labels = ["flag": "red"]
        for lacking in [[], [flags]] {
            var teller = TaskTeller(lacking: lacking)
            var objects = SwarmState()
            objects.tasks["one"] = task
            let told = try #require(objects.tasks.shared("one").map { ToldTask($0) })
            let isFirst = teller.note("one", told)
            #expect(isFirst)
            let first = teller.take { _ in told }
            let change = try #require(first)
            #expect(change.from == 0 && change.tasks.map(\.labels) == [lacking.isEmpty ? ["flag": "red"] : [:]])
            // A change that such a node would not see is none.
            var next = task
            next.labels = ["flag": "blue"]
            objects.tasks["one"] = next
            let news = try #require(objects.tasks.shared("one").map { ToldTask($0) })
            let isNext = teller.note("one", news)
            #expect(isNext == lacking.isEmpty)
            let last = teller.take { _ in news }
            #expect((last == nil) != lacking.isEmpty)
        }
    }

    /// Joins as a worker, and begins a session as a program of some version.
    /// - Returns: What `node inspect` says of the node in the session, or why there is none.
    private func session(
        _ node: TestNode, _ swarm: Swarm, at address: String, as program: Wire.Program
    ) async throws -> Result<NodeStatus, RPCError> {
        let token = try await swarm.inspectSwarm().joinTokens?.worker ?? ""
        let own = try #require(IPAddress(address))
        var description = NodeDescription()
        description.hostname = "other"
        let credentials = try await Joiner(token: try JoinToken(token), group: Self.group).join(
            ["\(node.address):\(node.port)"], description: description,
            advertiseAddress: TransportAddress(own, port: 2377), dataPathAddress: own, availability: "active"
        ).credentials
        let id = credentials.member.nodeID
        let identity = try TLSIdentity(credentials)
        let payload = try Wire.payload(description)
        let hello = Wire.SessionRequest.with {
            $0.description_p = payload
            $0.dataPathAddress = address
            $0.program = program
        }
        let answered = ObservableValue(false)
        let status = Kept<NodeStatus?>(nil)
        do {
            try await NodeTransport.withClient(
                to: "\(node.address):\(node.port)", identity: identity, check: .none, group: Self.group
            ) { client in
                try await Wire.Dispatcher.Client(wrapping: client).session(options: NodeTransport.streamOptions) {
                    writer in
                    try await writer.write(hello)
                    try await answered.wait { $0 ? true : nil }
                    let shown = try await swarm.inspectNode(id).status
                    status.withLock { $0 = shown }
                } onResponse: { response in
                    for try await message in response.messages {
                        #expect(message.program.version == "9.2.0")
                        answered.set(true)
                    }
                }
            }
        } catch let error as RPCError where status.withLock({ $0 }) == nil {
            return .failure(error)
        }
        return .success(try #require(status.withLock { $0 }))
    }

    @Test func `an older node is refused or told less, a newer one is a node like others`() async throws {
        // What this program's own agent and joiner say is enough for the made-up manager.
        let manager = Capabilities(
            version: "9.2.0", [Capability(required: "records", since: "0.3.0"), Capability("flags", since: "9.1.0")])
        try await withNodes(1, capabilities: manager) { nodes in
            let node = nodes[0]
            try await node.running { swarm in
                try await node.initialise(swarm)
                let ancient = try await session(node, swarm, at: "127.0.0.11", as: program("0.2.0", []))
                guard case .failure(let refusal) = ancient else {
                    Issue.record("it was taken")
                    return
                }
                #expect(refusal.code == .failedPrecondition)
                #expect(
                    refusal.message.contains("runs Apus 0.2.0, which is too old: it needs version 0.3.0 or later"),
                    "\(refusal.message)")

                let older = try await session(node, swarm, at: "127.0.0.12", as: program("9.0.0", ["records"])).get()
                #expect(older.state == .ready)
                #expect(older.message == "runs Apus 9.0.0: does without what needs version 9.1.0 (flags)")

                let newer = try await session(
                    node, swarm, at: "127.0.0.13", as: program("10.0.0", ["records", "flags", "unheard-of"])
                ).get()
                #expect(newer.state == .ready && newer.message == nil)
            }
        }
    }
}
