import Model
import Testing

/// What nodes answer managers of their containers comes back as it was.
struct AnswersFromNodesTests {
    private func again<Value: Codable>(_ value: Value) throws -> Value {
        try WireJSON.decode(Value.self, from: try WireJSON.encode(value))
    }

    @Test func `an inspection comes back as it was`() throws {
        var inspection = ContainerInspection()
        inspection.identifier = "c1"
        inspection.name = "/web.1"
        inspection.config.labels = ["com.docker.swarm.task.id": "t1", "lower": "x"]
        inspection.state.running = true
        inspection.networkSettings.ports = ["80/tcp": nil, "81/udp": []]
        inspection.networkSettings.iPv6Gateway = "fd00::1"
        inspection.networkSettings.ipAddress = "10.0.0.2"
        let copy = try again(inspection)
        #expect(try WireJSON.encode(copy) == WireJSON.encode(inspection))
        #expect(copy.identifier == "c1" && copy.config.labels == inspection.config.labels && copy.state.running)
        #expect(copy.networkSettings.ports.count == 2)
        #expect(copy.networkSettings.iPv6Gateway == "fd00::1" && copy.networkSettings.ipAddress == "10.0.0.2")
    }

    @Test func `a measurement and an exec come back as they were`() throws {
        var usage = ContainerMeasurement.Usage(timestamp: Timestamp(seconds: 1_700_000_000))
        usage.memory.details = ["anon": 1, "Total_rss": 2]
        usage.networks["eth0"] = .init()
        usage.devices = [.init(major: 8, minor: 0, readBytes: 1, writtenBytes: 2, reads: 3, writes: .max)]
        let measurement = ContainerMeasurement(identifier: "c1", name: "web", usage: usage)
        #expect(try again(measurement) == measurement)
        var exec = ExecInspection()
        exec.id = "e1"
        exec.exitCode = 7
        exec.processConfig.arguments = ["-c", "exit 7"]
        let copy = try again(exec)
        #expect(copy.id == "e1" && copy.exitCode == 7 && copy.processConfig.arguments == ["-c", "exit 7"])
    }
}
