import DockerClient
import Model
package import Templates

enum ImageCommands {
    static let all: [Command] = [
        .imageHistory, .imageImport, .imageInspect, .imageLoad, .imageList, .imagePrune, .imagePull, .imagePush,
        .imageRemove, .imageSave, .imageTag,
    ]
}

extension Command {
    static let imageList = Command(
        "image ls", aliases: ["images", "image list"], arity: .atMost(1),
        help: """
            Usage:  apus image ls [OPTIONS] [REPOSITORY[:TAG]]

            List images

            Aliases:
              apus image ls, apus image list, apus images

            Options:
              -a, --all             Also images with a name that no container uses (default hides intermediate images)
                  --digests         With digests
              -f, --filter filter   Only those that fit
                  --format string   How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                    'json', or a 'TEMPLATE' alone
                  --no-trunc        Shorten nothing
              -q, --quiet           Ids alone
                  --tree            As a tree of platforms
            """
    ) { call in
        let flags = call.flags
        guard !flags.isSet("tree") else { throw ExitError(1, "--tree is not supported") }
        var filters = flags.list("filter")
        if let pattern = call.arguments.first { filters.append("reference=\(pattern)") }
        var query = FilterArguments.query(filters)
        if flags.isSet("all") { query.append(("all", "1")) }
        let answer = try await call.client().json(.get("/images/json", query))
        let rows = answer.elements.flatMap {
            ImageRow.rows(
                $0, isShort: !flags.isSet("no-trunc"),
                showsDigests: flags.isSet("digests"),
                tagsHaveDigests: flags.string("format")?.contains("{{.Digest}}") == true)
        }
        try ImageRow.listing(digests: flags.isSet("digests")).show(
            rows, format: flags.string("format"), isQuiet: flags.isSet("quiet"))
    }

    static let imageHistory = Command(
        "image history", aliases: ["history"], arity: .exactly(1),
        help: """
            Usage:  apus image history [OPTIONS] IMAGE

            Show the history of an image

            Aliases:
              apus image history, apus history

            Options:
                  --format string     How rows look: 'table' for columns, 'table TEMPLATE' for those of a Go template,
                                      'json', or a 'TEMPLATE' alone
              -H, --human             Sizes and times for people (default true)
                  --no-trunc          Shorten nothing
                  --platform string   Only this one of several platforms ("os[/arch[/variant]]")
              -q, --quiet             Ids alone
            """
    ) { call in
        let flags = call.flags
        let isShort = !flags.isSet("no-trunc")
        let isHuman = flags.isSet("human", default: true)
        var query: [(String, String)] = []
        if let platform = flags.string("platform"), !platform.isEmpty {
            query.append(("platform", try PlatformText.json(platform)))
        }
        let answer = try await call.client().json(.get(ImagePath.of(call.arguments[0], "/history"), query))
        let rows = answer.elements.map { layer in
            let created = Timestamp(seconds: layer["Created"].integer ?? 0)
            let age = Timestamps.age(created)
            let id = layer["Id"].text
            let command = layer["CreatedBy"].text.replacing("\t", with: " ")
            let size = layer["Size"].integer ?? 0
            let timestamp = created.description
            return Row([
                "ID": .string(isShort ? Units.shortID(id) : id),
                "CreatedBy": .string(isShort ? Units.ellipsis(command, 45) : command),
                "CreatedAt": .string(timestamp),
                "CreatedSince": .string(
                    !isHuman ? timestamp : created.seconds <= 0 ? "N/A" : Units.duration(age) + " ago"),
                "Size": .string(isHuman ? Units.size(size, digits: 3) : "\(size)"), "Comment": layer["Comment"],
            ])
        }
        let timestamp = isHuman ? "{{.CreatedSince}}" : "{{.CreatedAt}}"
        try Listing(
            table: "table {{.ID}}\t\(timestamp)\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
            headers: [
                "ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT", "CreatedBy": "CREATED BY",
                "Size": "SIZE", "Comment": "COMMENT",
            ], typeName: "*image.historyContext"
        ).show(rows, format: flags.string("format"), isQuiet: flags.isSet("quiet"))
    }
}

/// An image of `GET /images/json` as rows of `images`.
package enum ImageRow {
    /// - Parameter digests: With the column of digests.
    package static func listing(digests: Bool) -> Listing {
        let digest = digests ? ["digest: {{.Digest}}"] : []
        return Listing(
            table: "table {{.Repository}}\t{{.Tag}}\t" + (digests ? "{{.Digest}}\t" : "")
                + "{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}",
            headers: headers,
            raw: ["repository: {{.Repository}}", "tag: {{.Tag}}"] + digest + [
                "image_id: {{.ID}}", "created_at: {{.CreatedAt}}", "virtual_size: {{.Size}}",
            ], typeName: "*formatter.imageContext")
    }

    static let headers = [
        "ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "CreatedSince": "CREATED",
        "CreatedAt": "CREATED AT", "Size": "SIZE", "Containers": "CONTAINERS", "VirtualSize": "SIZE",
        "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
    ]

    /// One row a tag, or a digest that no tag has; `<none>` for what has neither.
    ///
    /// - Parameter tagsHaveDigests: Digests stand with tags, but make no rows of their own.
    package static func rows(_ image: JSON, isShort: Bool, showsDigests: Bool, tagsHaveDigests: Bool) -> [Row] {
        let tags = image["RepoTags"].strings.filter { $0 != "<none>:<none>" }
        let digests = image["RepoDigests"].strings.filter { $0 != "<none>@<none>" }
        var repositories: [String] = []
        var tagsOf: [String: [String]] = [:]
        var digestsOf: [String: [String]] = [:]
        func note(_ repository: String) { if !repositories.contains(repository) { repositories.append(repository) } }
        for tag in tags {
            guard let colon = tag.lastIndex(of: ":") else { continue }
            note(String(tag[..<colon]))
            tagsOf[String(tag[..<colon]), default: []].append(String(tag[tag.index(after: colon)...]))
        }
        for digest in digests {
            guard let at = digest.firstIndex(of: "@") else { continue }
            note(String(digest[..<at]))
            digestsOf[String(digest[..<at]), default: []].append(String(digest[digest.index(after: at)...]))
        }
        var rows: [Row] = []
        for repository in repositories {
            let ownTags = tagsOf[repository] ?? []
            let ownDigests = digestsOf[repository] ?? []
            let shownTags = ownTags.isEmpty ? ["<none>"] : ownTags
            // One that has digests only shows none of them, not even `<none>`, unless asked.
            let hidden = ownTags.isEmpty ? "" : "<none>"
            let isShown = showsDigests || (tagsHaveDigests && !ownTags.isEmpty)
            let shownDigests = isShown ? (ownDigests.isEmpty ? ["<none>"] : ownDigests) : [hidden]
            for tag in shownTags {
                for digest in shownDigests { rows.append(row(image, repository, tag, digest, isShort)) }
            }
        }
        return rows.isEmpty ? [row(image, "<none>", "<none>", "<none>", isShort)] : rows
    }

    static func row(_ image: JSON, _ repository: String, _ tag: String, _ digest: String, _ isShort: Bool) -> Row {
        let created = Timestamp(seconds: image["Created"].integer ?? 0)
        let age = Timestamps.age(created)
        let id = image["Id"].text
        let size = image["Size"].integer ?? 0
        let shared = image["SharedSize"].integer ?? -1
        let containers = image["Containers"].integer ?? -1
        return Row([
            "ID": .string(isShort ? Units.shortID(id) : id), "Repository": .string(repository), "Tag": .string(tag),
            "Digest": .string(digest), "CreatedSince": .string(Units.duration(age) + " ago"),
            "CreatedAt": .string(Timestamps.goText(created.description)),
            "Size": .string(Units.size(size, digits: 3)),
            "Containers": .string(containers == -1 ? "N/A" : "\(containers)"),
            "VirtualSize": .string(Units.size(size)),
            "SharedSize": .string(shared == -1 ? "N/A" : Units.size(shared)),
            "UniqueSize": .string(shared == -1 ? "N/A" : Units.size(size &- shared)),
        ])
    }
}

enum ImagePath {
    static func of(_ reference: String, _ rest: String = "") -> String { "/images/\(Request.part(reference))\(rest)" }
}
