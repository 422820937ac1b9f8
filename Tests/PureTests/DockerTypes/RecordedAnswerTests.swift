import DockerTypes
import Foundation
import Model
import Testing

/// What Docker 20.10 answered, against what we would write.
@Suite struct RecordedAnswerTests {
    private static func recorded(_ name: String) throws -> Data {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Recorded"))
        return try Data(contentsOf: url)
    }

    private static func value(_ data: Data) throws -> JSONValue { try JSONDecoder().decode(JSONValue.self, from: data) }

    /// Paths of what the recorded value has and the other lacks or has otherwise. What stands for "nothing" may be missing.
    private static func differences(_ recorded: JSONValue, _ written: JSONValue?, at path: String) -> [String] {
        switch (recorded, written) {
        case (.null, _), (.string(""), nil), (.number(0), nil), (.bool(false), nil), (.array([]), nil),
            (.object([:]), nil),
            (.array([]), .null), (.object([:]), .null):
            return []
        case (.object(let members), .object(let others)):
            return members.flatMap { differences($0.value, others[$0.key], at: "\(path).\($0.key)") }.sorted()
        case (.array(let items), .array(let others)) where items.count == others.count:
            return zip(items, others).flatMap { differences($0, $1, at: "\(path)[]") }
        default: return recorded == written ? [] : [path]
        }
    }

    private static func roundTrip<Value: Codable>(_ name: String, _ type: Value.Type) throws -> [String] {
        let data = try recorded(name)
        let written = try WireJSON.encode(WireJSON.decode(type, from: data))
        return differences(try value(data), try value(written), at: "")
    }

    @Test func `swarm objects keep all that Docker wrote`() throws {
        #expect(try Self.roundTrip("022-node-list", [Node].self) == [])
        #expect(try Self.roundTrip("024-swarm-inspect", ClusterObject.self) == [])
        #expect(try Self.roundTrip("055-service-inspect", Service.self) == [])
        #expect(try Self.roundTrip("058-tasks", [SwarmTask].self) == [])
    }

    @Test func `networks and volumes keep all that Docker wrote`() throws {
        #expect(try Self.roundTrip("036-net-inspect-my-overlay-net", NetworkResource.self) == [])
        #expect(try Self.roundTrip("063-net-inspect-gwbridge-with-task", NetworkResource.self) == [])
        #expect(try Self.roundTrip("173-volume-inspect", VolumeResource.self) == [])
    }

    private static func keys(_ value: JSONValue) -> Set<String> {
        switch value {
        case .object(let members): Set(members.keys)
        case .array(let items): items.reduce(into: []) { $0.formUnion(keys($1)) }
        case .null, .bool, .number, .string: []
        }
    }

    private static func missing(_ name: String, in written: some Encodable, verbatim: Bool = false) throws -> Set<
        String
    > {
        let ours = verbatim ? try WireJSON.encodeVerbatim(written) : try WireJSON.encode(written)
        return keys(try value(recorded(name))).subtracting(keys(try value(ours)))
    }

    @Test func `answers that are only written have Docker's keys`() throws {
        #expect(try Self.missing("099-container-inspect", in: ContainerInspection()) == [])
        var summary = ContainerSummary(networkMode: "default", networks: [:])
        summary.sizeRw = 1
        #expect(try Self.missing("101-container-list", in: summary) == [])
        #expect(try Self.missing("105-image-list", in: ImageSummary()) == [])
        #expect(try Self.missing("104-image-inspect", in: ImageInspection()) == ["ContainerConfig"])
        #expect(try Self.missing("157-exec-inspect", in: ExecAnswer(ExecInspection()), verbatim: true) == [])
        #expect(try Self.missing("002-version-api", in: VersionAnswer(engine: SystemInfo(), parts: [])) == [])
        let info = InfoAnswer(SystemInfo(), parts: [(name: "runc", version: "1")])
        // The bridges' two are gone from the API since version 1.50.
        #expect(
            try Self.missing("026-info-swarm", in: info).subtracting([
                "GenericResources", "SystemStatus", "KernelMemory", "KernelMemoryTCP", "Warnings", "BridgeNfIptables",
                "BridgeNfIp6tables",
            ]) == [])
        // Of the client that the recording was made with: it warns of what is missing or false.
        let older = InfoAnswer(SystemInfo(), parts: [(name: "runc", version: "1")], version: APIVersion(1, 41))
        #expect(
            try Self.missing("026-info-swarm", in: older).subtracting(["GenericResources", "SystemStatus", "Warnings"])
                == [])
        let text = String(decoding: try WireJSON.encode(older), as: UTF8.self)
        for name in ["KernelMemory", "KernelMemoryTCP", "BridgeNfIptables", "BridgeNfIp6tables"] {
            #expect(text.contains("\"\(name)\":true"), "\(name) in \(text)")
        }
    }
}
