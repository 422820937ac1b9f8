import Addressing
import Concurrency
import EngineInterface
import Foundation
import Logging
import Model
import NodeProtocol
import Orchestration
import StateStore
import TestKit
import Testing

@testable import Cluster

/// Addresses that nodes choose, from the node that says them to the names that lead there.
@Suite struct ChosenAddressTests {
    private static func network(_ id: String = "lan", driver: String = "macvlan") -> SwarmNetwork {
        var network = SwarmNetwork(id: id)
        network.spec.name = id
        network.driverState = Driver(name: driver)
        return network
    }

    static func task(_ id: String, on node: String, _ addresses: [String] = []) -> SwarmTask {
        var task = SwarmTask(id: id)
        (task.nodeID, task.serviceID, task.slot) = (node, "s", 1)
        task.assignment = .init()
        task.status = TaskStatus(.running, "", at: Timestamp(seconds: 1_000))
        task.networksAttachments = [
            NetworkAttachment(network: network(), addresses: addresses.compactMap { IPNetwork($0) })
        ]
        return task
    }

    static func status(_ addresses: [String], in network: String = "lan") -> TaskStatus {
        var status = TaskStatus(.running, "", at: Timestamp(seconds: 2_000))
        status.chosenAddresses = [.init(networkID: network, addresses: addresses.compactMap { IPNetwork($0) })]
        return status
    }

    private static func settled(_ status: TaskStatus, _ task: SwarmTask, _ others: [SwarmTask] = []) -> [String] {
        var state = SwarmState()
        var overlay = SwarmNetwork(id: "app")
        var pools = AllocatedPools()
        pools.configs = [.init(subnet: IPNetwork("10.1.0.0/24"))]
        overlay.ipamOptions = pools
        state.networks["app"] = overlay
        state.networks["lan"] = network()
        for other in others { state.tasks[other.id] = other }
        var task = task
        ChosenAddressRules.settle(status, in: &task, state)
        return task.networksAttachments?.first?.addresses.map(\.description) ?? []
    }

    @Test func `what can be no address of a task is left out of what its node reports`() throws {
        func isLeftOut(_ status: TaskStatus) throws -> Bool {
            let taken = try NodeReports.status(try Wire.payload(status))
            return taken.state == status.state && taken.chosenAddresses == nil
        }
        #expect(try !isLeftOut(Self.status(["192.0.2.5/24", "2001:db8::5/64"])))
        for addresses in [
            ["192.0.2.0/24"], ["192.0.2.255/24"], ["127.0.0.5/24"], ["224.0.0.5/24"], ["0.0.0.5/24"], ["192.0.2.5/4"],
            ["fe80::5/64"], ["ff02::5/64"], ["::1/64"], ["::ffff:10.0.0.5/120"], ["2001:db8::5/8"], [],
            ["192.0.2.5/24", "192.0.2.6/24"],
        ] {
            #expect(try isLeftOut(Self.status(addresses)), "\(addresses)")
        }
        #expect(try isLeftOut(Self.status(["192.0.2.5/24"], in: "no network")))
        var twice = Self.status(["192.0.2.5/24"])
        twice.chosenAddresses?.append(.init(networkID: "lan", addresses: [IPNetwork(IPAddress(192, 0, 2, 6))]))
        #expect(try isLeftOut(twice))
    }

    @Test func `an address counts once, in a network of that kind, and not where it is another's`() throws {
        let report = Self.status(["192.0.2.5/24"])
        #expect(Self.settled(report, Self.task("a", on: "n")) == ["192.0.2.5/24"])
        // What a task has it keeps.
        #expect(Self.settled(report, Self.task("a", on: "n", ["192.0.2.9/24"])) == ["192.0.2.9/24"])
        // Numbers of an overlay.
        #expect(Self.settled(Self.status(["10.1.0.5/24"]), Self.task("a", on: "n")) == [])
        // A task on another node has it; one that has ended has nothing, and the node's own follow each other.
        let other = Self.task("b", on: "m", ["192.0.2.5/24"])
        #expect(Self.settled(report, Self.task("a", on: "n"), [other]) == [])
        #expect(Self.settled(report, Self.task("a", on: "m"), [other]) == ["192.0.2.5/24"])
        var ended = other
        ended.status.state = .shutdown
        #expect(Self.settled(report, Self.task("a", on: "n"), [ended]) == ["192.0.2.5/24"])
        // Not where the swarm gives addresses.
        var given = Self.task("a", on: "n")
        given.networksAttachments = [NetworkAttachment(network: Self.network(driver: "overlay"), addresses: [])]
        #expect(Self.settled(report, given) == [])
        #expect(Self.settled(Self.status(["192.0.2.5/24"], in: "more"), Self.task("a", on: "n")) == [])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a report's addresses are written to the task, and to nothing that clients see of its status`()
        async throws
    {
        let store = MemoryStore()
        let task = Self.task("a", on: "n")
        _ = try await store.commit(StoreTransaction(puts: [.init(task.key, try task.storedBytes)]))
        let model = ReadModel(store: store)
        model.take(.snapshot(try await store.list(StoreKey.everything)))
        let writer = ReportWriter(store: store, model: model)
        let before = store.revision
        try await writer.write([.init(taskID: "a", status: Self.status(["192.0.2.5/24"]))], of: "other")
        #expect(store.revision == before)
        try await writer.write([.init(taskID: "a", status: Self.status(["192.0.2.5/24"]))], of: "n")
        let stored = try SwarmTask(stored: try #require(await store.get(task.key)))
        #expect(stored.networksAttachments?.first?.addresses.map(\.description) == ["192.0.2.5/24"])
        #expect(stored.status.chosenAddresses == nil)
        // Told again it is no news.
        let revision = store.revision
        try await writer.write([.init(taskID: "a", status: Self.status(["192.0.2.5/24"]))], of: "n")
        #expect(store.revision == revision)
        #expect(!NodeReports.isNews(Self.status(["192.0.2.5/24"]), of: stored))
    }

    @Test(.timeLimit(.minutes(1)))
    func `an address that another task has is had once that lets it go, unless its node's session is over`()
        async throws
    {
        for isOver in [false, true] {
            let store = MemoryStore()
            let model = ReadModel(store: store)
            func put(_ task: SwarmTask) async throws {
                _ = try await store.commit(StoreTransaction(puts: [.init(task.key, try task.storedBytes)]))
                model.take(.snapshot(try await store.list(StoreKey.everything)))
            }
            func addresses() async throws -> [String] {
                let stored = try SwarmTask(stored: try #require(await store.get(Self.task("a", on: "n").key)))
                #expect(stored.status.message == "renamed")
                return stored.networksAttachments?.first?.addresses.map(\.description) ?? []
            }
            var (task, other) = (Self.task("a", on: "n"), Self.task("b", on: "m", ["192.0.2.5/24"]))
            try await put(other)
            try await put(task)
            let writer = ReportWriter(store: store, model: model)
            try await writer.write([.init(taskID: "a", status: Self.status(["192.0.2.5/24"]))], of: "n")
            // What is said of the task meanwhile stays.
            task.status = TaskStatus(.running, "renamed", at: Timestamp(seconds: 3_000))
            try await put(task)
            try await writer.lookAgain()
            #expect(try await addresses().isEmpty)
            #expect(writer.nodesWithRefusals == ["n"])
            if isOver { writer.forgetRefusals(of: ["n"]) }
            other.status.state = .shutdown
            try await put(other)
            try await writer.lookAgain()
            #expect(try await addresses() == (isOver ? [] : ["192.0.2.5/24"]))
            #expect(writer.nodesWithRefusals.isEmpty)
        }
    }

    @Test func `names lead to tasks once their nodes have said where they are`() throws {
        var objects = SwarmState()
        objects.networks["lan"] = Self.network()
        var node = Node(id: "n")
        node.membership = Node.Membership()
        node.membership?.dataPathAddress = IPAddress(203, 0, 113, 5)
        objects.nodes["n"] = node
        var service = Service(id: "s")
        service.spec.name = "web"
        var config = NetworkAttachmentConfig()
        config.target = "lan"
        service.spec.taskTemplate.networks = [config]
        objects.services["s"] = service
        objects.tasks["a"] = Self.task("a", on: "n")
        var index = NetworkIndex()
        var changed = SwarmChanges()
        (changed.nodes, changed.networks, changed.services, changed.tasks) = (["n"], ["lan"], ["s"], ["a"])
        index.take(objects, changed)
        index.setServing("a", true)
        _ = index.settle()
        #expect(index.networkIDs(of: "n") == ["lan"] && index.networkIDs(ofTask: "a") == ["lan"])
        #expect(index.facts.networks["lan"]?.endpoints.isEmpty == true)
        #expect(index.facts.networks["lan"]?.services["s"]?.service?.virtualAddresses == nil)
        objects.tasks["a"] = Self.task("a", on: "n", ["192.0.2.5/24"])
        changed = SwarmChanges()
        changed.tasks = ["a"]
        index.take(objects, changed)
        _ = index.settle()
        #expect(index.facts.networks["lan"]?.endpoints.keys.map(\.description) == ["192.0.2.5"])
        #expect(index.facts.networks["lan"]?.services["s"]?.backends.map(\.description) == ["192.0.2.5"])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a node tells what it has chosen for tasks, and for containers outside of services`()
        async throws
    {
        let executor = FakeExecutor(hostname: "n")
        let chosen = TaskStatus.ChosenAddresses(
            networkID: "lan", addresses: [IPNetwork(address: IPAddress(192, 0, 2, 5), prefixLength: 24)])
        executor.state.withLock { $0.chosen = ["t": [chosen]] }
        for isAttachment in [false, true] {
            var task = Self.task("t", on: "n")
            task.desiredState = .running
            task.status = TaskStatus(.assigned, "assigned", at: .now)
            if isAttachment {
                task.spec.networkAttachmentSpec = NetworkAttachmentSpec(containerID: "c", containerName: "box")
                executor.state.withLock { _ = $0.attachments.insert("t") }
            } else {
                task.spec.containerSpec = ContainerSpec()
            }
            let reports = ObservableValue<[TaskStatus]>([])
            let wanted = ObservableValue<SwarmTask?>(task)
            let runner = TaskRunner(
                wanted: wanted, executor: executor, report: { status in reports.change { $0.append(status) } },
                log: Logger(label: "test"), firstRetry: .milliseconds(1), longestRetry: .milliseconds(2))
            let begun = task
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await runner.run(begun, from: begun.status) }
                try await reports.wait { $0.last?.chosenAddresses == [chosen] ? true : nil }
                wanted.change { $0?.desiredState = .shutdown }
                try await reports.wait { $0.last?.state == .shutdown ? true : nil }
                #expect(reports.value.last?.chosenAddresses == nil)
                wanted.set(nil)
                try await group.waitForAll()
            }
        }
    }
}
