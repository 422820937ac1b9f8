import DockerTypes
import EngineInterface
import Faults
import Foundation
import LogDrivers
import Model
import Testing

/// Every field of every request of the API's definition is acted upon, refused, or in the table of those without effect: a program that asks
/// for something never believes that it has it when it has not.
@Suite struct RequestFieldTests {
    private struct Request: Decodable {
        let body: [String: String]
        let query: [String]
    }

    /// A request's body: Docker's name of its type, how it is decoded, and by which expressions the sources read its fields.
    private struct Body: Sendable {
        let name: String
        let roundTrip: @Sendable (Data) throws -> Data
        /// What a path begins with → values that have the fields below it. The longest counts.
        let readers: [String: [String]]
        /// Read as one thing, with all that is in it.
        var wholes: [String] = []
        /// Field → the expression that it is read by, where it is no property of such a value.
        var expressions: [String: String] = [:]
        /// Values for fields that do not take every text.
        var samples: [String: String] = [:]
    }

    private static let mounts: [String: [String]] = [
        "": ["mount"], "BindOptions.": ["options"], "VolumeOptions.": ["options"],
        "VolumeOptions.DriverConfig.": ["options.driverConfig?"], "TmpfsOptions.": ["mount.tmpfsOptions?"],
    ]
    private static let endpoint: [String: [String]] = [
        "": ["requested?", "settings?", "left.requested?"], "IPAMConfig.": ["requests?", "ipamConfig?"],
    ]
    private static let devices = [
        "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps", "DeviceRequests",
    ]
    private static let swarm: [String: [String]] = [
        "": ["spec"], "Orchestration.": ["cluster?.spec.orchestration?"], "Dispatcher.": ["spec.dispatcher?"],
        "CAConfig.": ["spec.caConfig?"], "EncryptionConfig.": ["spec.encryptionConfig?"],
        "TaskDefaults.": ["cluster?.spec.taskDefaults?"],
    ]
    private static let swarmWholes = ["Raft", "CAConfig.ExternalCAs", "TaskDefaults.LogDriver"]

    private static func under(_ prefix: String, _ readers: [String: [String]]) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: readers.map { (prefix + $0.key, $0.value) })
    }

    private static func coded<Value: Codable & Sendable>(_ type: Value.Type) -> @Sendable (Data) throws -> Data {
        { try WireJSON.encode(try WireJSON.decode(type, from: $0)) }
    }

    private static func service() -> Body {
        Body(
            name: "ServiceSpec", roundTrip: coded(ServiceSpec.self),
            readers: [
                "": ["spec", "service.spec"], "TaskTemplate.": ["template", "taskTemplate", "task.spec"],
                "TaskTemplate.ContainerSpec.": ["spec", "container"],
                "TaskTemplate.ContainerSpec.DNSConfig.": ["spec.dnsConfig?"],
                "TaskTemplate.Resources.Limits.": ["limits", "resources"],
                "TaskTemplate.Resources.Reservations.": ["reservations", "resources"],
                "TaskTemplate.RestartPolicy.": ["policy", "policy?"],
                "TaskTemplate.Placement.": ["placement", "task.spec.placement?"],
                "TaskTemplate.Networks[].": ["attachment", "$0"], "TaskTemplate.LogDriver.": ["driver"],
                "Mode.": ["mode"], "Mode.Replicated.": ["mode.replicated?"], "Mode.ReplicatedJob.": ["job"],
                "UpdateConfig.": ["configuration", "$0"], "RollbackConfig.": ["configuration", "$0"],
                "Networks[].": ["attachment", "$0"], "EndpointSpec.": ["endpoint", "spec.endpointSpec?"],
                "EndpointSpec.Ports[].": ["port"],
            ],
            wholes: [
                "TaskTemplate.PluginSpec", "TaskTemplate.NetworkAttachmentSpec",
                "TaskTemplate.ContainerSpec.Privileges", "TaskTemplate.ContainerSpec.Mounts",
                "TaskTemplate.ContainerSpec.HealthCheck", "TaskTemplate.ContainerSpec.Secrets",
                "TaskTemplate.ContainerSpec.Configs", "TaskTemplate.ContainerSpec.Ulimits",
                "TaskTemplate.Resources.Reservations.GenericResources", "TaskTemplate.Placement.Preferences",
                "TaskTemplate.Placement.Platforms",
            ],
            expressions: ["TaskTemplate.ForceUpdate": "moved == template"])
    }

    private static let bodies: [String: Body] = [
        "POST /containers/create": Body(
            name: "ContainerConfigWrapper", roundTrip: coded(ContainerCreateRequest.self),
            readers: [
                "": ["configuration", "merged", "asked", "base"], "Healthcheck.": ["check"],
                "HostConfig.": ["host", "hostConfig"], "HostConfig.LogConfig.": ["logging", "configuration"],
                "HostConfig.RestartPolicy.": ["policy"], "HostConfig.PortBindings.*[].": ["binding"],
                "HostConfig.Devices[].": ["$0"], "HostConfig.Ulimits[].": ["$0"],
            ].merging(under("HostConfig.Mounts[].", mounts)) { $1 }
                .merging(under("NetworkingConfig.EndpointsConfig.*.", endpoint)) { $1 },
            wholes: devices.map { "HostConfig.\($0)" }),
        "POST /containers/{id}/update": Body(
            name: "UpdateConfig", roundTrip: coded(HostConfiguration.self),
            readers: ["": ["changes", "host"], "RestartPolicy.": ["policy"]],
            wholes: devices + ["Devices", "Ulimits"]),
        "POST /containers/{id}/exec": Body(
            name: "ExecConfig", roundTrip: coded(ExecRequest.self), readers: ["": ["request", "entry.request"]]),
        "POST /exec/{id}/start": Body(
            name: "ExecStartOptions", roundTrip: coded(ExecStartRequest.self), readers: ["": ["request"]]),
        "POST /networks/create": Body(
            name: "NetworkCreateRequest", roundTrip: coded(NetworkRequest.self),
            readers: [
                "": ["request"], "ConfigFrom.": ["request.configFrom?"], "IPAM.": ["request.ipam?"],
                "IPAM.Config[].": ["pool", "$0"],
            ],
            // Where the families of a request are made of it.
            expressions: ["EnableIPv4": "request.families"]),
        "POST /networks/{id}/connect": Body(
            name: "NetworkConnect", roundTrip: coded(NetworkConnectRequest.self),
            readers: ["": ["request"]].merging(under("EndpointConfig.", endpoint)) { $1 }),
        "POST /networks/{id}/disconnect": Body(
            name: "NetworkDisconnect", roundTrip: coded(NetworkDisconnectRequest.self), readers: ["": ["request"]]),
        "POST /volumes/create": Body(
            name: "CreateOptions", roundTrip: coded(VolumeRequest.self), readers: ["": ["request"]]),
        "POST /services/create": service(), "POST /services/{id}/update": service(),
        "POST /swarm/init": Body(
            name: "InitRequest", roundTrip: coded(SwarmInitRequest.self),
            readers: ["": ["request"]].merging(under("Spec.", swarm)) { $1 }, wholes: swarmWholes.map { "Spec.\($0)" }),
        "POST /swarm/join": Body(
            name: "JoinRequest", roundTrip: coded(SwarmJoinRequest.self), readers: ["": ["request"]]),
        "POST /swarm/update": Body(
            name: "Spec", roundTrip: coded(ClusterSpec.self), readers: swarm, wholes: swarmWholes),
        "POST /nodes/{id}/update": Body(
            name: "NodeSpec", roundTrip: coded(NodeSpec.self), readers: ["": ["spec"]],
            samples: ["Role": "worker", "Availability": "active"]),
        "POST /auth": Body(
            name: "AuthConfig", roundTrip: { $0 }, readers: ["": ["credentials"]]),
    ]

    /// Refused as a whole, whatever is in their bodies.
    private static let refusedOperations: Set<String> = [
        "POST /commit", "POST /configs/create", "POST /configs/{id}/update", "POST /secrets/create",
        "POST /secrets/{id}/update", "POST /plugins/pull", "POST /plugins/{name}/set", "POST /plugins/{name}/upgrade",
        "POST /swarm/unlock", "PUT /volumes/{name}",
    ]

    private static func requests() throws -> [String: Request] {
        let file = try #require(Bundle.module.url(forResource: "request-fields", withExtension: "json"))
        return try JSONDecoder().decode([String: Request].self, from: Data(contentsOf: file))
    }

    private static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// What acts: neither the values themselves nor what speaks for clients.
    private static func sources() throws -> String {
        var text = ""
        for target in ["Engine", "Cluster", "Orchestration", "DockerAPI", "ContainerRuntime"] {
            let place = top.appending(path: "Sources/\(target)").path
            for path in try FileManager.default.subpathsOfDirectory(atPath: place) where path.hasSuffix(".swift") {
                text += try String(contentsOfFile: "\(place)/\(path)", encoding: .utf8)
            }
        }
        return text
    }

    private static func isBelow(_ path: String, _ above: String) -> Bool {
        path == above || path.hasPrefix(above + ".") || path.hasPrefix(above + "[")
    }

    @Test func `every body of a request is known or refused`() throws {
        let asked = Set(try Self.requests().filter { !$0.value.body.isEmpty }.keys)
        #expect(asked == Set(Self.bodies.keys).union(Self.refusedOperations))
    }

    @Test(arguments: bodies.keys.sorted()) func `every field is acted upon, refused, or in the table`(operation: String)
        throws
    {
        let body = try #require(Self.bodies[operation])
        let fields = try #require(try Self.requests()[operation]).body
        let rows = RequestField.all.filter { $0.body == body.name }
        let sources = try Self.sources()
        for (path, type) in fields.sorted(by: { $0.key < $1.key }) {
            let document = try Self.document(path, type, body.samples)
            if let row = rows.first(where: { Self.isBelow(path, $0.path) }) {
                switch row.fate {
                case .withoutEffect(let reason):
                    #expect(!reason.isEmpty)
                    #expect(throws: Never.self, "\(path)") { try RequestField.check(document, of: body.name) }
                case .refused:
                    let refusal = #expect(throws: APIError.self, "\(path)") {
                        try RequestField.check(document, of: body.name)
                    }
                    #expect(refusal?.kind == .notImplemented)
                }
                continue
            }
            let whole = body.wholes.first { Self.isBelow(path, $0) }
            if whole == nil {
                let kept = try JSONDecoder().decode(JSONValue.self, from: body.roundTrip(document))
                #expect(Self.has(kept, Self.parts(path)), "\(path) of \(operation) is not read from the body")
            }
            #expect(
                Self.isRead(whole ?? path, body, sources),
                "\(path) of \(operation) is read by nothing that acts or refuses")
        }
        for row in rows {
            #expect(
                fields.keys.contains { Self.isBelow($0, row.path) } || operation.hasSuffix("/update"),
                "\(row.path) is no field")
        }
    }

    @Test func `a field that is not to be had is refused when it asks for something`() throws {
        func refused(_ text: String) -> Bool {
            do { try RequestField.check(Data(text.utf8), of: "ContainerConfigWrapper") } catch { return true }
            return false
        }
        #expect(refused(#"{"HostConfig":{"KernelMemoryTCP":1}}"#) && refused(#"{"hostconfig":{"KernelMemoryTCP":1}}"#))
        #expect(!refused(#"{"HostConfig":{"KernelMemoryTCP":0}}"#) && !refused(#"{"Labels":{"KernelMemoryTCP":"1"}}"#))
        #expect(!refused(#"{"HostConfig":{"Mounts":[{"ImageOptions":null},{"ImageOptions":{}}]}}"#))
        #expect(refused(#"{"HostConfig":{"Mounts":[{},{"ImageOptions":{"Subpath":"x"}}]}}"#))
    }

    // MARK: Documents with one field

    private static func parts(_ path: String) -> [String] {
        path.split(separator: ".").flatMap { part -> [String] in
            part.hasSuffix("[]") ? [String(part.dropLast(2)), "[]"] : [String(part)]
        }
    }

    private static func document(_ path: String, _ type: String, _ samples: [String: String]) throws -> Data {
        var value: JSONValue =
            switch type {
            case "integer": .number(7)
            case "number": .number(0.5)
            case "boolean": .bool(true)
            case "array": .array([.string("x")])
            case "map": .object(["x": .string("x")])
            case "object": .object(["x": .number(1)])
            default: .string("x")
            }
        if let sample = samples[path] { value = .string(sample) }
        // Lists and maps whose elements are no texts.
        if path.hasSuffix("ConsoleSize") { value = .array([.number(7), .number(7)]) }
        if ["ExposedPorts", "Volumes"].contains(path) { value = .object(["x": .object([:])]) }
        if path.hasSuffix("TmpfsOptions.Options") { value = .array([.array([.string("exec")])]) }
        for part in parts(path).reversed() {
            value = part == "[]" ? .array([value]) : .object([part == "*" ? "x" : part: value])
        }
        guard case .object(var fields) = value else { return Data() }
        for (name, sample) in samples where fields[name] == nil { fields[name] = .string(sample) }
        return try JSONEncoder().encode(JSONValue.object(fields))
    }

    private static func has(_ value: JSONValue, _ path: [String]) -> Bool {
        guard let name = path.first else { return true }
        let rest = Array(path.dropFirst())
        switch value {
        case .array(let items): return items.contains { has($0, name == "[]" ? rest : path) }
        case .object(let fields) where name == "*": return fields.values.contains { has($0, rest) }
        case .object(let fields):
            return fields.contains { $0.key.lowercased() == name.lowercased() && has($0.value, rest) }
        default: return false
        }
    }

    // MARK: Who reads a field

    private static func isRead(_ path: String, _ body: Body, _ sources: String) -> Bool {
        if let expression = body.expressions[path] { return sources.contains(expression) }
        let names = path.split(separator: ".").map(String.init)
        let above = names.dropLast().map { $0 + "." }.joined()
        let property = WireSpelling.inSwift(String((names.last ?? "").prefix { $0 != "[" }))
        let readers = body.readers.filter { above.hasPrefix($0.key) }.max { $0.key.count < $1.key.count }?.value ?? []
        return readers.contains { reader in
            [property, "`\(property)`"].contains { name in
                var rest = sources[...]
                while let found = rest.range(of: "\(reader).\(name)") {
                    rest = rest[found.upperBound...]
                    let before =
                        found.lowerBound == sources.startIndex ? " " : sources[sources.index(before: found.lowerBound)]
                    let isWhole = !(before.isLetter || before.isNumber || before == "_")
                    if isWhole, let next = rest.first, !(next.isLetter || next.isNumber || next == "_") { return true }
                }
                return false
            }
        }
    }

    // MARK: The document

    private static let place = top.appending(path: "docs/options.md")

    /// With APUS_WRITE_DOCS in the environment (`make api-docs`) the document is written anew.
    @Test func `docs slash options is up to date`() throws {
        let text = Self.text(
            fields: try Self.requests().values.reduce(0) { $0 + $1.body.count },
            parameters: try QueryParameterTests.requests().values.reduce(0) { $0 + $1.count })
        if ProcessInfo.processInfo.environment["APUS_WRITE_DOCS"] != nil {
            try text.write(to: Self.place, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: Self.place, encoding: .utf8) == text, "`make api-docs` writes it")
    }

    private static func text(fields count: Int, parameters: Int) -> String {
        var text = """
            # Options without effect

            The bodies of the Engine API's requests have \(count) fields, those that several have in common counted each time. What a request asks for by
            one of them is done, or the request is refused with the field's or the option's name; these alone are accepted and have no effect,
            as with Docker. Generated from the table that the daemon itself uses, by `make api-docs`; a test goes through all fields and fails when
            this is out of date. What is refused of what works is told in [status.md](status.md).

            | request | field | why it has no effect |
            |---|---|---|

            """
        for row in RequestField.all {
            if case .withoutEffect(let reason) = row.fate { text += "| \(row.body) | `\(row.path)` | \(reason) |\n" }
        }
        text += "\nOf these fields some values have none:\n\n| field | values | why |\n|---|---|---|\n"
        for row in RequestField.values { text += "| `\(row.field)` | \(row.values) | \(row.reason) |\n" }
        text += """

            The queries of the operations that work have \(parameters) parameters. Each is acted upon, or refused where it asks for something that is
            not to be had, but for these:

            | operation | parameter | why it has no effect |
            |---|---|---|

            """
        for row in RequestField.parameters { text += "| `\(row.operation)` | `\(row.name)` | \(row.reason) |\n" }
        text += """

            The drivers of logs have options of their own (`--log-opt`). Each is acted upon, or refused, but for these:

            | driver | option | why it has no effect |
            |---|---|---|

            """
        for row in UnusedLogOption.all {
            text += "| \(row.driver.isEmpty ? "every one" : "`\(row.driver)`") | `\(row.name)` | \(row.reason) |\n"
        }
        text += "\nOf the others some have an effect only beside another option:\n\n"
        text += "| driver | option | when it has no effect |\n|---|---|---|\n"
        for row in UnusedLogOption.conditions { text += "| \(row.driver) | \(row.names) | \(row.condition) |\n" }
        text += "\nRefused by the table, as the daemon has no use for them yet:\n\n| request | field |\n|---|---|\n"
        for row in RequestField.all where row.fate == .refused { text += "| \(row.body) | `\(row.path)` |\n" }
        return text
    }
}
