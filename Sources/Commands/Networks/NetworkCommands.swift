import DockerClient
import DockerTypes
import Model
package import Templates

enum NetworkCommands {
    static let all: [Command] = [
        .networkConnect, .networkCreate, .networkDisconnect, .networkDoctor, .networkInspect, .networkList,
        .networkPrune,
        .networkRemove,
    ]
}

enum NetworkPath {
    static func of(_ reference: String, _ rest: String = "") -> String { "/networks/\(Request.part(reference))\(rest)" }
}

extension Command {
    static let networkList = Command(
        "network ls", aliases: ["network list"], arity: .none,
        help: """
            Usage:  apus network ls [OPTIONS]

            List networks

            Aliases:
              apus network ls, apus network list

            Options:
                  --addresses       With how many addresses are used, free and resting, as the engine or a manager knows it
              -f, --filter filter   Only those that fit (e.g. "driver=bridge")
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --no-trunc        Shorten nothing
              -q, --quiet           Ids alone
            """
    ) { call in
        let flags = call.flags
        let client = try await call.client()
        let answer = try await client.json(.get("/networks", FilterArguments.query(flags.list("filter"))))
        var networks = answer.elements.sorted { NaturalOrder.comesBefore($0["Name"].text, $1["Name"].text) }
        let isWithAddresses = flags.isSet("addresses")
        if isWithAddresses { networks = try await NetworkAddresses.inspect(networks, client) }
        try (isWithAddresses ? NetworkRow.addressListing : NetworkRow.listing).show(
            networks.map {
                NetworkRow.row($0, isShort: !flags.isSet("no-trunc"), isWithAddresses: isWithAddresses)
            }, format: flags.string("format"),
            isQuiet: flags.isSet("quiet"))
    }

    static let networkInspect = Command(
        "network inspect", arity: .atLeast(1),
        help: """
            Usage:  apus network inspect [OPTIONS] NETWORK [NETWORK...]

            Display detailed information on one or more networks

            Options:
              -f, --format string   'json', or a Go 'TEMPLATE'
              -v, --verbose         With services and tasks
            """
    ) { call in
        let client = try await call.client()
        let query = call.flags.isSet("verbose") ? [("verbose", "true")] : []
        try await Inspection(format: call.flags.string("format")).show(call.arguments) { name in
            try await client.bytes(.get(NetworkPath.of(name), query))
        }
    }

    static let networkRemove = Command(
        "network rm", aliases: ["network remove"], arity: .atLeast(1),
        help: """
            Usage:  apus network rm NETWORK [NETWORK...]

            Remove one or more networks

            Aliases:
              apus network rm, apus network remove

            Options:
              -f, --force   A missing network is no error
            """
    ) { call in
        let client = try await call.client()
        let isForced = call.flags.isSet("force")
        var hasFailed = false
        for name in call.arguments {
            do {
                // An ingress network carries the swarm's ports: removing it is asked about.
                if try await NetworkRemoval.isIngress(client, name) {
                    let question =
                        "WARNING! Before removing the routing-mesh network, make sure all the nodes in your swarm run the "
                        + "same docker engine version. Otherwise, removal may not be effective and functionality of newly "
                        + "create ingress networks will be impaired.\nAre you sure you want to continue?"
                    guard try await Console.confirms(question) else { continue }
                }
                try await client.send(.delete(NetworkPath.of(name)))
                Console.line(name)
            } catch {
                if isForced, (error as? DockerError)?.isNotFound == true { continue }
                Console.error("\(error)")
                hasFailed = true
            }
        }
        if hasFailed { throw ExitError(1, "exit status 1") }
    }

    static let networkConnect = Command(
        "network connect", arity: .exactly(2),
        help: """
            Usage:  apus network connect [OPTIONS] NETWORK CONTAINER

            Connect a container to a network

            Options:
                  --alias strings           Another name on this network
                  --driver-opt strings      Option for the driver of this network
                  --gw-priority int         The network with the highest leads outside
                  --ip string               IPv4 address to have
                  --ip6 string              IPv6 address to have
                  --link list               Name for another container
                  --link-local-ip strings   Link-local address
            """
    ) { call in
        let flags = call.flags
        let options = try flags.list("driver-opt").map { item -> (String, String) in
            let (key, value) = GoText.pair(item)
            guard let value, !key.isEmpty else { throw ExitError(1, "invalid key/value pair format in driver options") }
            return (key, value)
        }
        var option = NetworkOption()
        option.aliases = flags.list("alias")
        option.driverOptions = Dictionary(options) { $1 }
        option.ipv4 = flags.string("ip") ?? ""
        option.ipv6 = flags.string("ip6") ?? ""
        option.linkLocal = flags.list("link-local-ip")
        option.gatewayPriority = flags.integer("gw-priority") ?? 0
        var request = NetworkConnectRequest()
        request.container = call.arguments[1]
        request.endpointConfig = option.endpoint()
        request.endpointConfig?.links = flags.texts("link")
        try await call.client().send(.post(NetworkPath.of(call.arguments[0], "/connect"), sending: request))
    }

    static let networkDisconnect = Command(
        "network disconnect", arity: .exactly(2),
        help: """
            Usage:  apus network disconnect [OPTIONS] NETWORK CONTAINER

            Disconnect a container from a network

            Options:
              -f, --force   Also when the container is gone
            """
    ) { call in
        var request = NetworkDisconnectRequest()
        request.container = call.arguments[1]
        request.force = call.flags.isSet("force")
        try await call.client().send(.post(NetworkPath.of(call.arguments[0], "/disconnect"), sending: request))
    }

    static let networkPrune = Command(
        "network prune", arity: .none,
        help: """
            Usage:  apus network prune [OPTIONS]

            Remove all unused networks

            Options:
                  --filter filter   Only those that fit (e.g. "until=<timestamp>")
              -f, --force           Ask nothing
            """
    ) { call in
        let warning = "WARNING! This will remove all custom networks not used by at least one container."
        guard try await Prune.mayGoOn(call, warning) else { return }
        let answer = try await Prune.ask(call, "/networks/prune")
        Prune.report("Deleted Networks:", answer["NetworksDeleted"].strings)
    }
}

enum NetworkRemoval {
    static func isIngress(_ client: DaemonClient, _ name: String) async throws -> Bool {
        do { return try await client.json(.get(NetworkPath.of(name)))["Ingress"].isTrue } catch is DockerError {
            // The removal itself tells what is wrong.
            return false
        }
    }
}

/// How many addresses networks have: what an answer to inspect says, and a list does not.
enum NetworkAddresses {
    /// The same networks as they are inspected; one that is gone meanwhile is left out.
    static func inspect(_ networks: [JSON], _ client: DaemonClient) async throws -> [JSON] {
        var found: [JSON] = []
        for network in networks {
            do {
                found.append(
                    try await client.json(
                        .get(NetworkPath.of(network["Id"].text), [("status", "true"), ("verbose", "true")])))
            } catch let error
                as DockerError
                where error.isNotFound
            {}
        }
        return found
    }
}

/// A network of `GET /networks` as a row of `network ls`.
package enum NetworkRow {
    package static let listing = Listing(
        table: "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
        headers: [
            "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv4": "IPV4", "IPv6": "IPV6",
            "Internal": "INTERNAL", "Labels": "LABELS", "CreatedAt": "CREATED AT",
        ],
        raw: [
            "network_id: {{.ID}}", "name: {{.Name}}", "driver: {{.Driver}}", "scope: {{.Scope}}",
        ], typeName: "*network.networkContext")

    /// With what an answer to inspect says of addresses.
    package static let addressListing = Listing(
        table:
            "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}\t{{.Subnets}}\t{{.InUse}}\t{{.Available}}\t{{.Resting}}",
        headers: listing.headers.merging([
            "Subnets": "SUBNETS", "InUse": "IN USE", "Available": "AVAILABLE", "Resting": "RESTING",
        ]) { first, _ in first })

    /// Sums over the network's subnets; nothing where they are not known.
    private static func addresses(_ network: JSON) -> [String: JSON] {
        let subnets = network["Status"]["IPAM"]["Subnets"].members
        func sum(_ name: String) -> JSON {
            if subnets.isEmpty { return .string("") }
            let total = subnets.reduce(UInt64(0)) { total, subnet in
                let (sum, isOver) = total.addingReportingOverflow(subnet.value[name].unsigned)
                return isOver ? .max : sum
            }
            return .string("\(total)")
        }
        return [
            "Subnets": .string(subnets.map(\.name).joined(separator: ",")), "InUse": sum("IPsInUse"),
            "Available": sum("DynamicIPsAvailable"), "Resting": sum("IPsResting"),
        ]
    }

    /// - Parameters:
    ///   - isShort: Whether its id is cut.
    ///   - isWithAddresses: Whether the columns of ``addressListing`` are there, too.
    package static func row(_ network: JSON, isShort: Bool, isWithAddresses: Bool = false) -> Row {
        let id = network["Id"].text
        func flag(_ name: String) -> JSON { .string(network[name].isTrue ? "true" : "false") }
        let columns: [String: JSON] = isWithAddresses ? addresses(network) : [:]
        return Row(
            columns.merging([
                "ID": .string(isShort ? Units.shortID(id) : id), "Name": network["Name"], "Driver": network["Driver"],
                "Scope": network["Scope"], "IPv4": flag("EnableIPv4"), "IPv6": flag("EnableIPv6"),
                "Internal": flag("Internal"), "Labels": .string(LabelText.joined(network["Labels"])),
                "CreatedAt": .string(Timestamps.goText(network["Created"].text)),
            ]) { _, own in own }, methods: ["Label": LabelText.method(network["Labels"])])
    }
}
