import Addressing
import Faults
import Foundation
import Model
import OCI

@testable import DockerClient
@testable import DockerTypes
@testable import EngineInterface
@testable import LinuxSystem
@testable import Logs
@testable import Templates

/// What clients, registries, containers and programs write as text.
enum Texts {
    static func http(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 3)
        let pieces = Array(rest).pieces
        switch kind {
        case 0:
            var decoder = ResponseDecoder()
            for piece in pieces {
                decoder.feed(Array(piece))
                while let event = try? decoder.next() { if event == .end { break } }
            }
            try? decoder.finish()
        case 1:
            var reader = FrameReader()
            for piece in pieces where (try? reader.feed(Array(piece))) == nil { return }
        default:
            var stream = JSONStream()
            for piece in pieces where (try? stream.feed(Array(piece))) == nil { return }
        }
    }

    static func query(_ input: [UInt8]) {
        let text = input.text
        let (version, rest) = APIVersion.split(path: text)
        _ = try? version?.requireSupported()
        let query = Query(parsing: String(rest.drop { $0 != "?" }.dropFirst()))
        for name in query.values.keys {
            _ = query.flag(name)
            _ = try? query.number(name)
            if let moment = try? query.timestamp(name) { use(moment) }
            _ = try? query.version(of: name)
            if let filters = try? query.filters(name) {
                let filters = Filters(filters)
                _ = filters.labelsMatch(["a": "b"])
                for key in filters.values.keys {
                    _ = filters.match(key, ["/web_1.db-2", String(repeating: "a", count: 64)])
                }
                _ = try? filters.flag("dangling")
                if let prune = try? PruneFilters(filters, now: .now) { _ = prune }
            }
        }
    }

    private static func use(_ moment: Timestamp) {
        _ = moment.description
        _ = moment.fixedWidth
        _ = moment.clampedNanosecondsSinceEpoch
        _ = moment.advanced(bySeconds: .max).advanced(byNanoseconds: .min)
        _ = moment.advanced(bySeconds: .min).advanced(byNanoseconds: .max)
        _ = moment.wholeSeconds(since: .zero)
    }

    static func json(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 12)
        let bytes = Data(rest)
        switch kind {
        case 0: body(ContainerCreateRequest.self, bytes)
        case 1: body(ServiceSpec.self, bytes)
        case 2: body(NetworkRequest.self, bytes)
        case 3: body(SwarmInitRequest.self, bytes)
        case 4: body(NodeSpec.self, bytes)
        case 5: body(ClusterSpec.self, bytes)
        case 6: body(EndpointSettings.self, bytes)
        case 7: body(RegistryCredentials.self, bytes)
        case 8: body(JSONValue.self, bytes)
        case 9: body(HostConfiguration.self, bytes)
        case 10:
            guard let value = try? JSON(parsing: bytes) else { return }
            _ = value.integer
            _ = value.unsigned
            _ = value.double
            // What was read can be written and read again.
            Harness.demand(
                (try? JSON(parsing: Array(value.compact(escapesMarkup: true).utf8))) == value,
                "another value is written than was read")
        default: _ = GoWords.syntaxError(in: Array(rest))
        }
    }

    private static func body<Body: Codable>(_ type: Body.Type, _ bytes: Data) {
        do { _ = try WireJSON.encode(try WireJSON.decode(type, from: bytes)) } catch let error as DecodingError {
            _ = GoWords.decodingError(error, in: bytes, named: "Body")
        } catch {}
    }

    static func names(_ input: [UInt8]) {
        let text = input.text
        if let name = try? ImageReference(text) {
            // Its full spelling means the same image.
            Harness.demand((try? ImageReference(name.description)) == name, "\(name) is another image than \(text)")
            _ = name.familiar
        }
        if let platform = Platform(text) {
            Harness.demand(Platform(platform.description) == platform, "\(platform) is not \(text)")
        }
        _ = Digest(text)
        if let address = IPAddress(text) {
            Harness.demand(IPAddress(address.description) == address, "\(address) is not \(text)")
        }
        if let address = TransportAddress(text) {
            Harness.demand(TransportAddress(address.description) == address, "\(address) is not \(text)")
        }
        if let network = IPNetwork(text) {
            Harness.demand(IPNetwork(network.description) == network, "\(network) is not \(text)")
            Harness.demand(
                network.contains(network.first) && network.contains(network.last), "\(network) has no bounds")
        }
        _ = MACAddress(text)
        if let moment = Timestamp(text) {
            Harness.demand(
                Timestamp(moment.description) == moment || moment.seconds < Timestamp.zero.seconds || text.count > 30,
                "\(moment) is not \(text)")
            use(moment)
        }
        if let keys = try? DetachKeys(text) {
            var filter = DetachFilter(keys)
            _ = filter.pass(input)
        }
        _ = try? Endpoint(text)
    }

    static func ps(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 5)
        let text = String(decoding: rest, as: UTF8.self)
        switch kind {
        case 0: _ = try? PsOutput.parse(text, pids: [1, 2, 3, 42])
        case 1: _ = try? PsOutput.check(text)
        case 2:
            let table = ProcessTable(users: [0: "root"], now: .now, bootTime: 1_700_000_000, ticksPerSecond: 100)
            let parts = text.split(separator: "\n\n", maxSplits: 2).map(String.init)
            _ = table.row(
                1, stat: parts.first ?? "", status: parts.dropFirst().first ?? "",
                commandLine: parts.dropFirst(2).first ?? "")
        case 3: _ = MountEntry.parse(text)
        default:
            _ = ListeningSockets.ports(text, "0A")
            _ = ListeningSockets.ports(text, "07")
        }
    }

    static func templates(_ input: [UInt8]) {
        let row = Row(
            [
                "ID": "0123456789ab", "Name": "web", "ContainerArgs": ["-c", "a b"],
                "ContainerLabels": ["a": "1", "b.c": "2"],
                "Config": ["tag": "{{.ID}}"], "Count": 3, "Nothing": .null,
            ], methods: ["ExtraAttributes": { _ in "map[]" }])
        guard let template = try? Template(input.text, limits: .daemon), let text = try? template.render(.row(row))
        else { return }
        Harness.demand(text.utf8.count <= 64 << 10, "a text of \(text.utf8.count) bytes")
    }

    static func logs(_ input: [UInt8]) {
        var parser = LogParser()
        var count = 0
        for piece in input.pieces { count += parser.parse(Array(piece)).reduce(0) { $0 + $1.bytes.count } }
        count += parser.finish(isOver: (input.first ?? 0) & 1 == 0).reduce(0) { $0 + $1.bytes.count }
    }
}
