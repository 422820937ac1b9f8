import DockerClient
import FoundationEssentials
import Glibc
import LinuxSystem
import Templates

extension Command {
    static let containerCopy = Command(
        "container cp", aliases: ["cp"], arity: .exactly(2),
        help: """
            Usage:  apus container cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-
            \tapus cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH

            Copy files/folders between a container and the local filesystem

            Use '-' as the source to read a tar archive from stdin
            and extract it to a directory destination in a container.
            Use '-' as the destination to stream a tar archive of a
            container source to stdout.

            Aliases:
              apus container cp, apus cp

            Options:
              -a, --archive       Keep owners as they are
              -L, --follow-link   Copy what a link leads to
              -q, --quiet         No progress
            """
    ) { call in
        let source = CopyPlace(call.arguments[0])
        let destination = CopyPlace(call.arguments[1])
        switch (source.container, destination.container) {
        case (nil, nil): throw ExitError(1, "must specify at least one container source")
        case (.some, .some): throw ExitError(1, "copying between containers is not supported")
        case (let container?, nil): try await ContainerCopy(call).fetch(container, source.path, destination.path)
        case (nil, let container?): try await ContainerCopy(call).send(source.path, container, destination.path)
        }
    }
}

/// `CONTAINER:PATH`, or a path of this machine.
struct CopyPlace {
    let container: String?
    let path: String

    init(_ text: String) {
        // `/a:b` and `./a:b` are paths.
        guard !text.hasPrefix("/"), !text.hasPrefix("."), let colon = text.firstIndex(of: ":") else {
            container = nil
            path = text
            return
        }
        container = String(text[..<colon])
        path = String(text[text.index(after: colon)...])
    }
}

/// Copies as cp(1) does: into a folder that is there, else under the new name.
struct ContainerCopy {
    let call: Invocation

    init(_ call: Invocation) { self.call = call }

    private func said(_ text: String) {
        guard !call.flags.isSet("quiet"), Console.isTerminal(2) else { return }
        Console.error(text)
    }

    private static func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "/" }

    /// `a/b/` and `a/b/.` name what is in the folder.
    private static func namesContents(_ path: String) -> Bool { path.hasSuffix("/.") || path == "." }

    /// What the engine says of a path, or `nil` when there is none.
    private func remote(_ client: DaemonClient, _ container: String, _ path: String) async throws -> JSON? {
        let request = Request("HEAD", ContainerRoute.of(container, "/archive"), query: [("path", path)])
        do {
            return try await client.stream(request) { response in
                let encoded = response.head.headers["x-docker-container-path-stat"] ?? ""
                guard let bytes = Data(base64Encoded: encoded) else {
                    throw ExitError(1, "unable to decode container path stat header")
                }
                return try JSON(parsing: bytes)
            }
        } catch let error as DockerError where error.isNotFound { return nil }
    }

    /// Go's `os.ModeDir` and `os.ModeSymlink`.
    private static func isFolder(_ found: JSON) -> Bool { found["mode"].unsigned & (1 << 31) != 0 }
    private static func isLink(_ found: JSON) -> Bool { found["mode"].unsigned & (1 << 27) != 0 }

    func fetch(_ container: String, _ source: String, _ destination: String) async throws {
        let client = try await call.client()
        var source = source
        if call.flags.isSet("follow-link"), let found = try await remote(client, container, source), Self.isLink(found)
        {
            let target = found["linkTarget"].text
            let folder = source.split(separator: "/").dropLast().joined(separator: "/")
            source = target.hasPrefix("/") ? target : "/\(folder)/\(target)"
        }
        let request = Request.get(ContainerRoute.of(container, "/archive"), [("path", source)])
        if destination == "-" {
            return try await client.stream(request) { response in
                while let bytes = try await response.next() { try await Console.pass(bytes, to: 1) }
            }
        }
        let local = LocalPath.absolute(destination)
        var target = local
        // Into a folder that is there, under its own name.
        let there = try? LocalTree.status(local, followsLinks: true)
        if let there, there.st_mode & S_IFMT == S_IFDIR, !Self.namesContents(source) {
            target = "\(local)/\(Self.last(source))"
        } else if there == nil {
            let folder = String(local[..<(local.lastIndex(of: "/") ?? local.startIndex)])
            guard Paths.exists(folder.isEmpty ? "/" : folder) else {
                throw ExitError(1, "invalid output path: directory \(GoText.quoted(folder)) does not exist")
            }
            guard !destination.hasSuffix("/") else {
                guard let found = try await remote(client, container, source), Self.isFolder(found) else {
                    throw ExitError(1, "invalid output path: directory \(GoText.quoted(destination)) does not exist")
                }
                return try await receive(client, request, local)
            }
        }
        try await receive(client, request, target)
        said("Successfully copied to \(local)")
    }

    private func receive(_ client: DaemonClient, _ request: Request, _ target: String) async throws {
        var receiver = LocalReceiver(destination: target, keepsOwners: call.flags.isSet("archive"))
        try await client.stream(request) { response in
            var reader = TarReader()
            while let bytes = try await response.next() {
                for event in try reader.feed(bytes) { try receiver.receive(event) }
            }
        }
        receiver.finish()
    }

    func send(_ source: String, _ container: String, _ destination: String) async throws {
        let client = try await call.client()
        var folder = destination
        var found = try await remote(client, container, destination)
        // A link is taken for what it leads to.
        if let link = found, Self.isLink(link) {
            let target = link["linkTarget"].text
            if !target.isEmpty {
                folder =
                    target.hasPrefix("/")
                    ? target : "/" + destination.split(separator: "/").dropLast().joined(separator: "/") + "/\(target)"
                found = try await remote(client, container, folder)
            }
        }
        var query = [("noOverwriteDirNonDir", "true")]
        if call.flags.isSet("archive") { query.append(("copyUIDGID", "true")) }
        if source == "-" {
            guard let found, Self.isFolder(found) else {
                throw ExitError(1, "destination \"\(container):\(destination)\" must be a directory")
            }
            let request = Request(
                "PUT", ContainerRoute.of(container, "/archive"), query: query + [("path", folder)],
                body: InputFile.body("", type: "application/x-tar"))
            return try await client.send(request)
        }
        let local = LocalPath.absolute(source)
        let followsLinks = call.flags.isSet("follow-link")
        let status = try LocalTree.status(local, followsLinks: followsLinks)
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        var name = Self.last(local)
        if let found, Self.isFolder(found) {
            if isFolder, Self.namesContents(source) { name = "." }
        } else {
            if found != nil, isFolder { throw ExitError(1, "cannot copy directory") }
            if found == nil, destination.hasSuffix("/"), !isFolder {
                throw ExitError(1, "no such directory")
            }
            name = Self.last(folder)
            folder = "/" + folder.split(separator: "/").dropLast().joined(separator: "/")
        }
        let (requested, keeps) = (name, call.flags.isSet("archive"))
        let body = Request.Body.stream(contentType: "application/x-tar") { writer in
            try await LocalTree.send(
                local, as: requested, followsLinks: followsLinks, keepsOwners: keeps, to: writer)
            try await writer.write(TarFormat.end)
        }
        try await client.send(
            Request("PUT", ContainerRoute.of(container, "/archive"), query: query + [("path", folder)], body: body))
        said("Successfully copied to \(container):\(destination)")
    }
}
