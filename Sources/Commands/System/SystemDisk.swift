import DockerClient
import Templates

extension Command {
    static let systemDisk = Command(
        "system df", arity: .none,
        help: """
            Usage:  apus system df [OPTIONS]

            Show docker disk usage

            Options:
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --logs            What containers' logs take, and what they may
              -v, --verbose         One row for each thing
            """
    ) { call in
        let flags = call.flags
        let query = flags.isSet("logs") ? [("logs", "true")] : []
        let usage = try await call.client().json(.get("/system/df", query))
        let format = flags.string("format")
        if flags.isSet("logs") { return try DiskText.logs.show([DiskText.logRow(usage["Logs"])], format: format) }
        guard flags.isSet("verbose") else { return try DiskText.summary.show(DiskText.rows(usage), format: format) }
        if let format {
            let value = JSON.object(DiskText.details(usage).map { .init($0.0, .array($0.1.map(\.json))) })
            // No line's end, as in Docker.
            let template = try Listing.parsed(format == "json" ? "{{json .}}" : format)
            return Console.text(try template.render(.data(value)))
        }
        try DiskText.showDetails(usage)
    }

    static let systemPrune = Command(
        "system prune", arity: .none,
        help: """
            Usage:  apus system prune [OPTIONS]

            Remove unused data

            Options:
              -a, --all             Also images with a name that no container uses
                  --filter filter   Only those that fit (e.g. "label=<key>=<value>")
              -f, --force           Ask nothing
                  --volumes         Also volumes without a name
            """
    ) { call in
        let flags = call.flags
        let isAll = flags.isSet("all")
        let items = [
            "all stopped containers", "all networks not used by at least one container",
            flags.isSet("volumes") ? "all anonymous volumes not used by at least one container" : nil,
            isAll ? "all images without at least one container associated to them" : "all dangling images",
        ].compactMap { $0 }
        if flags.isSet("volumes"), flags.list("filter").contains(where: { $0.hasPrefix("until=") }) {
            throw ExitError(1, "ERROR: The \"until\" filter is not supported with \"--volumes\"")
        }
        let warning = "WARNING! This will remove:\n" + items.map { "  - \($0)\n" }.joined()
        guard try await Prune.mayGoOn(call, warning) else { return }
        var reclaimed: Int64 = 0
        let containers = try await Prune.ask(call, "/containers/prune")
        Prune.report("Deleted Containers:", containers["ContainersDeleted"].strings)
        let networks = try await Prune.ask(call, "/networks/prune")
        Prune.report("Deleted Networks:", networks["NetworksDeleted"].strings)
        reclaimed += containers["SpaceReclaimed"].integer ?? 0
        if flags.isSet("volumes") {
            let volumes = try await Prune.ask(call, "/volumes/prune")
            Prune.report("Deleted Volumes:", volumes["VolumesDeleted"].strings)
            reclaimed += volumes["SpaceReclaimed"].integer ?? 0
        }
        let images = try await Prune.ask(call, "/images/prune", ["dangling=\(!isAll)"])
        Prune.report("Deleted Images:", ImagePruneText.lines(images))
        reclaimed += images["SpaceReclaimed"].integer ?? 0
        Console.line("Total reclaimed space: \(Units.size(reclaimed))")
    }
}

/// What takes up the disk.
enum DiskText {
    static let summary = Listing(
        table: "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        headers: [
            "Type": "TYPE", "TotalCount": "TOTAL", "Active": "ACTIVE", "Size": "SIZE", "Reclaimable": "RECLAIMABLE",
        ],
        raw: [
            "type: {{.Type}}", "total: {{.TotalCount}}", "active: {{.Active}}", "size: {{.Size}}",
            "reclaimable: {{.Reclaimable}}",
        ], typeName: "*formatter.diskUsageImagesContext")

    static let logs = Listing(
        table: "table {{.Containers}}\t{{.Size}}\t{{.Spool}}\t{{.Quota}}",
        headers: ["Containers": "CONTAINERS", "Size": "LOGS SIZE", "Spool": "OF REMOVED", "Quota": "QUOTA"])

    static func logRow(_ usage: JSON) -> Row {
        func size(_ name: String) -> JSON { .string(usage[name].integer.map { Units.size($0) } ?? "--") }
        return Row([
            "Containers": .string(usage["Containers"].integer.map(String.init) ?? "--"), "Size": size("Size"),
            "Spool": size("Spool"), "Quota": size("Quota"),
        ])
    }

    static func rows(_ usage: JSON) -> [Row] {
        func row(_ type: String, _ total: Int, _ active: Int, _ size: Int64, _ free: String) -> Row {
            Row([
                "Type": .string(type), "TotalCount": .string("\(total)"), "Active": .string("\(active)"),
                "Size": .string(Units.size(size)), "Reclaimable": .string(free),
            ])
        }
        func share(_ free: Int64, _ whole: Int64) -> String {
            guard whole > 0 else { return Units.size(free) }
            let (hundredfold, isTooLarge) = free.multipliedReportingOverflow(by: 100)
            let percent = isTooLarge ? free / max(1, whole / 100) : hundredfold / whole
            return "\(Units.size(free)) (\(percent)%)"
        }
        let images = usage["Images"].elements
        let layers = usage["LayersSize"].integer ?? 0
        let usedImages = images.filter { ($0["Containers"].integer ?? 0) > 0 }
        let used = usedImages.reduce(Int64(0)) { sum, image in
            let (size, shared) = (image["Size"].integer ?? -1, image["SharedSize"].integer ?? -1)
            return size == -1 || shared == -1 ? sum : sum &+ size &- shared
        }
        let containers = usage["Containers"].elements
        func isActive(_ container: JSON) -> Bool {
            ["running", "paused", "restarting"].contains(container["State"].text)
        }
        func size(_ list: [JSON]) -> Int64 { list.reduce(0) { $0 &+ ($1["SizeRw"].integer ?? 0) } }
        let volumes = usage["Volumes"].elements
        func volumeSize(_ list: [JSON]) -> Int64 {
            list.reduce(0) { $0 &+ max(0, $1["UsageData"]["Size"].integer ?? 0) }
        }
        func links(_ volume: JSON) -> Int64 { volume["UsageData"]["RefCount"].integer ?? 0 }
        let cache = usage["BuildCache"].elements
        func cacheSize(_ list: [JSON]) -> Int64 { list.reduce(0) { $0 &+ ($1["Size"].integer ?? 0) } }
        return [
            row("Images", images.count, usedImages.count, layers, share(layers &- used, layers)),
            row(
                "Containers", containers.count, containers.count(where: isActive), size(containers),
                share(size(containers.filter { !isActive($0) }), size(containers))),
            row(
                "Local Volumes", volumes.count, volumes.count { links($0) > 0 }, volumeSize(volumes),
                share(volumeSize(volumes.filter { links($0) == 0 }), volumeSize(volumes))),
            row(
                "Build Cache", cache.count, cache.count { $0["InUse"].isTrue }, cacheSize(cache),
                Units.size(cacheSize(cache.filter { !$0["InUse"].isTrue && !$0["Shared"].isTrue }))),
        ]
    }

    static func details(_ usage: JSON) -> [(String, [Row])] {
        [
            ("Images", imageRows(usage, isShort: false)), ("Containers", containerRows(usage, isShort: false)),
            ("Volumes", usage["Volumes"].elements.map(VolumeRow.row)), ("BuildCache", []),
        ]
    }

    private static func containerRows(_ usage: JSON, isShort: Bool) -> [Row] {
        usage["Containers"].elements.map { ContainerRow.row($0, isShort: isShort, showsWhole: false) }
    }

    /// One row an image, with its first tag.
    private static func imageRows(_ usage: JSON, isShort: Bool) -> [Row] {
        usage["Images"].elements.map { image in
            let tag = image["RepoTags"].strings.first ?? ""
            var repository = "<none>"
            var shownTag = "<none>"
            if let colon = tag.lastIndex(of: ":") {
                repository = String(tag[..<colon])
                shownTag = String(tag[tag.index(after: colon)...])
            }
            return ImageRow.row(image, repository, shownTag, "", isShort)
        }
    }

    static func showDetails(_ usage: JSON) throws {
        Console.text("Images space usage:\n\n")
        Console.text(
            try Listing.render(
                imageRows(usage, isShort: true),
                source:
                    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t"
                    + "{{.UniqueSize}}\t{{.Containers}}",
                headers: ImageRow.headers))
        Console.text("\nContainers space usage:\n\n")
        try Listing(
            table:
                "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
            headers: ContainerRow.listing(size: true).headers
        ).show(containerRows(usage, isShort: true), format: nil)
        Console.text("\nLocal Volumes space usage:\n\n")
        try Listing(table: "table {{.Name}}\t{{.Links}}\t{{.Size}}", headers: VolumeRow.listing.headers)
            .show(usage["Volumes"].elements.map(VolumeRow.row), format: nil)
        let cache = usage["BuildCache"].elements.reduce(Int64(0)) { $0 &+ ($1["Size"].integer ?? 0) }
        Console.text("\nBuild cache usage: \(Units.size(cache))\n\n")
        try Listing(
            table:
                "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}",
            headers: [
                "ID": "CACHE ID", "CacheType": "CACHE TYPE", "Size": "SIZE", "CreatedSince": "CREATED",
                "LastUsedSince": "LAST USED", "UsageCount": "USAGE", "Shared": "SHARED",
            ]
        ).show([], format: nil)
    }
}
