import Addressing
import LinuxSystem
import Model
import Orchestration
import StateStore
import Testing

/// What a manager's copy of the swarm takes of memory.
@Suite struct StateMemoryTests {
    private static func stored(_ key: StoreKey, _ object: some VersionedRecord, _ revision: Int) throws -> StoredValue {
        StoredValue(
            key: key, value: Array(try WireJSON.encode(record: object)), createRevision: 1,
            modifyRevision: Int64(revision))
    }

    private static func service() -> Service {
        var service = Service(id: "service5abcdefghijklmnopq")
        service.spec.name = "a-service-with-a-name"
        service.spec.labels = ["com.example.of": "the service", "com.example.more": "than one"]
        var container = ContainerSpec()
        container.image = "registry.example.com/some/image:1.2.3@sha256:\(String(repeating: "a", count: 64))"
        container.env = (0..<10).map { "VARIABLE_\($0)=a value of usual length" }
        container.args = ["--listen", "0.0.0.0:8080", "--verbose"]
        container.labels = service.spec.labels
        service.spec.taskTemplate.containerSpec = container
        var port = PortConfig()
        port.targetPort = 8080
        port.publishedPort = 80
        var endpoint = EndpointSpec()
        endpoint.ports = [port]
        service.spec.endpointSpec = endpoint
        return service
    }

    private static func task(_ number: Int, of service: Service, in network: SwarmNetwork) -> SwarmTask {
        var task = SwarmTask(id: "task\(100_000 + number)abcdefghijklmno")
        task.serviceID = service.id
        task.slot = number + 1
        task.nodeID = "node\(100 + number % 100)abcdefghijklmnopqr"
        task.spec = service.spec.taskTemplate
        let address = IPAddress(10, 0, UInt8(number / 250), UInt8(number % 250 + 2))
        task.networksAttachments = [
            NetworkAttachment(network: network, addresses: [IPNetwork(address: address, prefixLength: 16)])
        ]
        task.status = TaskStatus(.running, "started", at: Timestamp(seconds: 1_800_000_000))
        task.status.containerStatus = .init()
        task.status.containerStatus?.containerID = String(repeating: "0123456789abcdef", count: 4)
        task.desiredState = .running
        var assignment = SwarmTask.Assignment()
        assignment.serviceName = service.spec.name
        assignment.serviceLabels = service.spec.labels
        assignment.ports = service.spec.ports
        assignment.endpointSpec = service.spec.endpointSpec
        assignment.runningSince = Timestamp(seconds: 1_800_000_000 + Int64(number))
        task.assignment = assignment
        return task
    }

    private static func network() throws -> SwarmNetwork {
        var request = NetworkRequest()
        request.name = "a-network-with-a-name"
        request.labels = ["com.example.of": "the network"]
        return try NetworkAllocator(state: SwarmState()).allocate(request, id: "network1abcdefghijklmnopq", at: .now)
    }

    @Test func `a task shares what all tasks of its service have, and takes a few kibibytes at the most`() throws {
        let (service, network, count) = (Self.service(), try Self.network(), 1500)
        var values = [
            try Self.stored(StoreKey(.networks, id: network.id), network, 1),
            try Self.stored(StoreKey(.services, id: service.id), service, 1),
        ]
        for number in 0..<count {
            let task = Self.task(number, of: service, in: network)
            values.append(try Self.stored(StoreKey(.tasks, id: task.id), task, 2))
        }
        let size = values.map(\.value.count).max() ?? 0
        var state = SwarmState()
        let before = Memory.allocatedBytes
        state.take(.snapshot(StoreListing(values: values, revision: 2)))
        let each = (Memory.allocatedBytes - before) / count
        #expect(state.tasks.count == count)
        #expect(each < 2048, "\(each) bytes a task that is stored in \(size)")
        // Reported on once more, each is decoded anew.
        let again = Memory.allocatedBytes
        for number in 0..<count {
            var task = Self.task(number, of: service, in: network)
            task.status.message = "healthy"
            let value = try Self.stored(StoreKey(.tasks, id: task.id), task, 3 + number)
            state.take(.events([.put(value)]))
        }
        let more = (Memory.allocatedBytes - again) / count
        #expect(more < 256)
    }
}
