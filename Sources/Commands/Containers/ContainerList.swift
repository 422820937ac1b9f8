import DockerClient
import Model
package import Templates

extension Command {
    static let containerList = Command(
        "container ls", aliases: ["ps", "container list", "container ps"], arity: .none,
        help: """
            Usage:  apus container ls [OPTIONS]

            List containers

            Aliases:
              apus container ls, apus container list, apus container ps, apus ps

            Options:
              -a, --all             Also those that do not run (default shows just running)
              -f, --filter filter   Only those that fit
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
              -n, --last int        So many of the newest, running or not (default -1)
              -l, --latest          The newest, running or not
                  --no-trunc        Shorten nothing
              -q, --quiet           Ids alone
              -s, --size            With sizes
            """
    ) { call in
        let flags = call.flags
        let format = flags.string("format")
        var query: [(String, String)] = []
        var last = flags.integer("last") ?? -1
        if flags.isSet("latest"), last < 0 { last = 1 }
        if flags.isSet("all") { query.append(("all", "1")) }
        if last > 0 { query.append(("limit", "\(last)")) }
        let showsSize = flags.isSet("size")
        if showsSize || format.map(ContainerRow.asksSize) == true { query.append(("size", "1")) }
        query += FilterArguments.query(flags.list("filter"))
        if flags.isSet("quiet"), let format, !format.isEmpty {
            Console.error("WARNING: Ignoring custom format, because both --format and --quiet are set.")
        }
        // Docker's client tries it on a container without anything, whether there is one or not.
        let listing = ContainerRow.listing(size: showsSize)
        if !flags.isSet("quiet") {
            _ = try listing.render([ContainerRow.row(.object([]), isShort: true)], format: format)
        }
        let answer = try await call.client().json(.get("/containers/json", query))
        let isShort = !flags.isSet("no-trunc")
        try listing.show(
            answer.elements.map { ContainerRow.row($0, isShort: isShort) }, format: format,
            isQuiet: flags.isSet("quiet"))
    }
}

/// A container of `GET /containers/json` as a row of `ps`.
package enum ContainerRow {
    /// - Parameter size: With the column of sizes.
    package static func listing(size: Bool) -> Listing {
        Listing(
            table: "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
                + (size ? "\t{{.Size}}" : ""),
            headers: [
                "ID": "CONTAINER ID", "Image": "IMAGE", "Command": "COMMAND", "RunningFor": "CREATED",
                "CreatedAt": "CREATED AT", "Status": "STATUS", "State": "STATE", "Ports": "PORTS", "Names": "NAMES",
                "Size": "SIZE", "Labels": "LABELS", "Mounts": "MOUNTS", "LocalVolumes": "LOCAL VOLUMES",
                "Networks": "NETWORKS", "Platform": "PLATFORM",
            ], quietWins: true,
            raw: [
                "container_id: {{.ID}}", "image: {{.Image}}", "command: {{.Command}}", "created_at: {{.CreatedAt}}",
                "state: {{- pad .State 1 0}}", "status: {{- pad .Status 1 0}}", "names: {{.Names}}",
                "labels: {{- pad .Labels 1 0}}", "ports: {{- pad .Ports 1 0}}",
            ] + (size ? ["size: {{.Size}}"] : []), typeName: "*formatter.ContainerContext")
    }

    /// Whether a template shows sizes: by their name, or with all there is in a row.
    static func asksSize(_ format: String) -> Bool {
        format.contains(".Size") || format.contains(/json\s+\.[\s}|]/)
    }

    /// - Parameter showsWhole: With what the image takes, too, where the engine tells it.
    package static func row(_ container: JSON, isShort: Bool, showsWhole: Bool = true) -> Row {
        let created = Timestamp(seconds: container["Created"].integer ?? 0)
        let age = Timestamps.age(created)
        let id = container["Id"].text
        let command = container["Command"].text
        let mounts = container["Mounts"].elements
        let mountNames = mounts.map { mount in
            let name = mount["Name"].text.isEmpty ? mount["Source"].text : mount["Name"].text
            return isShort ? Units.ellipsis(name, 15) : name
        }
        let size = container["SizeRw"].integer ?? 0
        let whole = showsWhole ? container["SizeRootFs"].integer ?? 0 : 0
        let labels = container["Labels"]
        return Row(
            [
                "ID": .string(isShort ? Units.shortID(id) : id), "Names": .string(names(container, isShort: isShort)),
                "Image": .string(image(container, isShort: isShort)),
                "Command": .string(GoText.quoted(isShort ? Units.ellipsis(command, 20) : command)),
                "CreatedAt": .string(Timestamps.goText(created.description)),
                "RunningFor": .string(Units.duration(age) + " ago"),
                "Ports": .string(PortText.describe(container["Ports"].elements)),
                "State": container["State"], "Status": container["Status"],
                "Size": .string(
                    Units.size(size, digits: 3) + (whole > 0 ? " (virtual \(Units.size(whole, digits: 3)))" : "")),
                "Labels": .string(LabelText.joined(labels)), "Mounts": .string(mountNames.joined(separator: ",")),
                "LocalVolumes": .string("\(mounts.count { $0["Driver"].text == "local" })"),
                "Networks": .string(
                    container["NetworkSettings"]["Networks"].members.map(\.name).joined(separator: ",")),
                "Platform": container["ImageManifestDescriptor"]["platform"],
            ], methods: ["Label": LabelText.method(labels)])
    }

    /// Without the slash; names through links are left out of the short form.
    private static func names(_ container: JSON, isShort: Bool) -> String {
        let names = container["Names"].strings.map { $0.hasPrefix("/") ? String($0.dropFirst()) : $0 }
        return (isShort ? names.filter { !$0.contains("/") } : names).joined(separator: ",")
    }

    private static func image(_ container: JSON, isShort: Bool) -> String {
        let image = container["Image"].text
        guard !image.isEmpty else { return "<no image>" }
        guard isShort else { return image }
        if Units.shortID(container["ImageID"].text) == Units.shortID(image) { return Units.shortID(image) }
        if let at = image.firstIndex(of: "@") {
            let name = String(image[..<at])
            // An image without a name keeps its id.
            return name.isEmpty ? image : name
        }
        return image
    }
}
