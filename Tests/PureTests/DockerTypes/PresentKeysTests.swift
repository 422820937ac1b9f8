import DockerTypes
import Foundation
import Model
import Testing

@testable import Engine

/// Fields that Docker writes whether or not they have a value: clients index them without asking.
///
/// What the Engine API's definition has for a type is there in what an empty value is written as, but for the fields that Docker leaves
/// out (`omitempty` of moby's `api/types`), which are listed here with the type.
@Suite struct PresentKeysTests {
    private struct Definition: Decodable {
        struct Schema: Decodable {
            var properties: [String: Schema]?
            var allOf: [Schema]?
            var reference: String?

            enum CodingKeys: String, CodingKey {
                case properties, allOf
                case reference = "$ref"
            }
        }
        var definitions: [String: Schema]
        var answers: [String: Schema]

        func keys(_ schema: Schema) -> Set<String> {
            var keys = Set((schema.properties ?? [:]).keys)
            for part in schema.allOf ?? [] { keys.formUnion(self.keys(part)) }
            if let name = schema.reference, let target = definitions[name] { keys.formUnion(self.keys(target)) }
            return keys
        }
    }

    private static func definition() throws -> Definition {
        let top = URL(filePath: #filePath).appending(path: "../../../..").standardized
        return try JSONDecoder().decode(
            Definition.self, from: Data(contentsOf: top.appending(path: "Acceptance/api-schemas.json")))
    }

    /// - Parameter schema: The name of a definition, or the path of an answer that has none.
    private static func lacks(
        _ schema: String, in value: some Encodable, but omitted: Set<String>, verbatim: Bool = false
    ) throws -> [String] {
        let definition = try definition()
        let wanted = definition.keys(try #require(definition.definitions[schema] ?? definition.answers[schema]))
        let written = verbatim ? try WireJSON.encodeVerbatim(value) : try WireJSON.encode(value)
        guard case .object(let members) = try JSONDecoder().decode(JSONValue.self, from: written) else {
            return ["an object"]
        }
        #expect(!wanted.isEmpty, "\(schema) has no properties")
        #expect(omitted.isSubset(of: wanted), "\(omitted.subtracting(wanted)) are not in \(schema)")
        return wanted.subtracting(omitted).subtracting(members.keys).sorted()
    }

    @Test func `prunes of nothing answer null where Docker does`() throws {
        func text(_ value: some Encodable) throws -> String {
            String(decoding: try WireJSON.encode(value), as: UTF8.self)
        }
        #expect(try text(NetworksPruneAnswer(networksDeleted: [])) == #"{"NetworksDeleted":null}"#)
        #expect(try text(NetworksPruneAnswer(networksDeleted: ["a"])) == #"{"NetworksDeleted":["a"]}"#)
        let containers = try text(ContainersPruneAnswer(containersDeleted: [], spaceReclaimed: 0))
        #expect(containers.contains(#""ContainersDeleted":null"#))
        let volumes = try text(VolumesPruneAnswer(volumesDeleted: [], spaceReclaimed: 0))
        #expect(volumes.contains(#""VolumesDeleted":[]"#))
    }

    @Test func `a container's answers`() throws {
        #expect(
            try Self.lacks(
                "ContainerInspectResponse", in: ContainerInspection(),
                but: ["ImageManifestDescriptor", "SizeRootFs", "SizeRw"]) == [])
        #expect(
            try Self.lacks(
                "HostConfig", in: HostConfiguration(),
                but: [
                    "Annotations", "ConsoleSize", "Init", "KernelMemoryTCP", "Mounts", "Runtime", "StorageOpt",
                    "Sysctls", "Tmpfs",
                ]) == [])
        #expect(
            try Self.lacks(
                "ContainerConfig", in: ContainerConfiguration(),
                but: [
                    "ArgsEscaped", "ExposedPorts", "Healthcheck", "Labels", "MacAddress", "NetworkDisabled", "Shell",
                    "StopSignal", "StopTimeout",
                ]) == [])
        #expect(try Self.lacks("NetworkSettings", in: NetworkSettings(), but: []) == [])
        #expect(try Self.lacks("EndpointSettings", in: EndpointSettings(), but: []) == [])
        #expect(try Self.lacks("ContainerState", in: ContainerState(), but: ["Health"]) == [])
        #expect(String(decoding: try WireJSON.encode(HealthConfiguration()), as: UTF8.self) == "{}")
    }

    @Test func `answers of networks, volumes and services`() throws {
        #expect(try Self.lacks("Network", in: NetworkResource(), but: ["Peers"]) == [])
        #expect(try Self.lacks("Volume", in: VolumeResource(), but: ["ClusterVolume", "Status", "UsageData"]) == [])
        #expect(String(decoding: try WireJSON.encode(WarningsAnswer([])), as: UTF8.self) == #"{"Warnings":null}"#)
        #expect(
            String(decoding: try WireJSON.encode(AddressManagement()), as: UTF8.self)
                == #"{"Config":null,"Driver":"","Options":null}"#)
        #expect(
            try Self.lacks("SwarmInfo", in: SwarmInfo(), but: ["Cluster", "Managers", "Nodes"]) == [])
        #expect(try Self.lacks("ClusterInfo", in: ClusterObject(id: "x"), but: []) == [])
    }

    @Test func `a service's answers`() throws {
        let service = Service(id: "x").answered
        #expect(
            try Self.lacks("Service", in: service, but: ["JobStatus", "ServiceStatus", "UpdateStatus"]) == [])
        #expect(
            try Self.lacks(
                "ServiceSpec", in: service.spec,
                but: ["EndpointSpec", "Networks", "RollbackConfig", "UpdateConfig"]) == [])
        #expect(
            try Self.lacks(
                "TaskSpec", in: service.spec.taskTemplate,
                but: [
                    "ContainerSpec", "LogDriver", "NetworkAttachmentSpec", "Networks", "Placement", "PluginSpec",
                    "Resources", "RestartPolicy", "Runtime",
                ]) == [])
        #expect(String(decoding: try WireJSON.encode(service.endpoint), as: UTF8.self) == #"{"Spec":{}}"#)
        #expect(
            String(decoding: try WireJSON.encode(ServiceStatus()), as: UTF8.self)
                == #"{"CompletedTasks":0,"DesiredTasks":0,"RunningTasks":0}"#)
    }

    @Test func `how a service is updated is told in words that nobody has said`() throws {
        var asked = Service(id: "x")
        asked.spec.updateConfig = UpdateConfiguration()
        asked.previousSpec = asked.spec
        let told =
            #"{"FailureAction":"pause","MaxFailureRatio":0,"Order":"stop-first","Parallelism":0}"#
        for spec in [asked.answered.spec, asked.answered.previousSpec] {
            let update = try #require(spec?.updateConfig)
            #expect(String(decoding: try WireJSON.encode(update), as: UTF8.self) == told)
            #expect(spec?.rollbackConfig == nil)
        }
        asked.spec.rollbackConfig = UpdateConfiguration()
        asked.spec.rollbackConfig?.failureAction = "continue"
        asked.spec.rollbackConfig?.order = "start-first"
        #expect(asked.answered.spec.rollbackConfig == asked.spec.rollbackConfig)
    }

    @Test func `a task's answers`() throws {
        let task = SwarmTask(id: "x").answered
        #expect(
            try Self.lacks(
                "Task", in: task,
                but: [
                    "AssignedGenericResources", "JobIteration", "Name", "NetworksAttachments", "NodeID", "Slot",
                ]) == [])
        #expect(
            try Self.lacks("TaskStatus", in: task.status, but: ["ContainerStatus", "Err", "Message"]) == [])
        #expect(try Self.lacks("ContainerStatus", in: TaskStatus.ContainerStatus(), but: []) == [])
    }

    @Test func `a node's answers, also before it has described itself`() throws {
        for description in [nil, NodeDescription()] {
            var node = Node(id: "x")
            node.description = description
            let shown = node.answered
            #expect(try Self.lacks("Node", in: shown, but: ["ManagerStatus"]) == [])
            #expect(try Self.lacks("NodeSpec", in: shown.spec, but: ["Name"]) == [])
            #expect(try Self.lacks("NodeStatus", in: shown.status, but: ["Message"]) == [])
            let told = try #require(shown.description)
            // A name that is not known yet is none.
            #expect(try Self.lacks("NodeDescription", in: told, but: ["Hostname"]) == [])
        }
    }

    @Test func `a command's answers`() throws {
        let answer = ExecAnswer(ExecInspection())
        #expect(try Self.lacks("/exec/{id}/json", in: answer, but: [], verbatim: true) == [])
        let written = try WireJSON.encodeVerbatim(answer)
        guard case .object(let members) = try JSONDecoder().decode(JSONValue.self, from: written) else {
            Issue.record("an object is wanted")
            return
        }
        // Until it has ended there is no code, and Docker says so.
        #expect(members["ExitCode"] == JSONValue.null)
        let process = try #require(members["ProcessConfig"])
        #expect(try Self.lacks("ProcessConfig", in: process, but: ["user"], verbatim: true) == [])
    }

    @Test func `answers of images and of the engine`() throws {
        #expect(
            try Self.lacks(
                "ImageInspect", in: ImageInspection(), but: ["Descriptor", "Manifests", "OsVersion", "Variant"]) == [])
        #expect(try Self.lacks("ImageSummary", in: ImageSummary(), but: ["Descriptor", "Manifests"]) == [])
        #expect(
            try Self.lacks(
                "SystemInfo", in: InfoAnswer(SystemInfo(), parts: []),
                but: ["Containerd", "DefaultAddressPools", "FirewallBackend", "KernelMemoryTCP", "ProductLicense"])
                == [])
    }
}

@Suite struct ImageReferenceFilterTests {
    @Test(arguments: [
        ("busybox:latest", "busybox", true), ("busybox:latest", "busybox:*", true), ("busybox:1", "busybox:2", false),
        ("a.example:5000/x:1", "a.example:5000/x", true), ("a.example:5000/x:1", "a.example", false),
        ("x@sha256:00", "x", true), ("x@sha256:00", "x@sha256:00", true), ("xy:1", "x", false), ("xy:1", "x*", true),
    ])
    func `a pattern means the name with or without its tag`(name: String, pattern: String, fits: Bool) {
        #expect(ImageService.matches(name, pattern) == fits)
    }
}
