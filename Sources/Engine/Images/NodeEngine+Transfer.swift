package import EngineInterface
import Faults
import Images
package import Model
package import NIOCore
import OCI

/// Images that come from and go to archives and registries, and those that nobody needs.
extension NodeEngine {
    package func loadImages(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, progress: @escaping ProgressSink
    ) async throws {
        let loaded = try await images.load(archive) { try await progress(Self.line($0)) }
        for image in loaded {
            events.publish("image", "load", image.id.description, ["name": image.id.description])
            let texts =
                image.tags.isEmpty
                ? ["Loaded image ID: \(image.id)"] : image.tags.map { "Loaded image: \($0)" }
            for text in texts {
                var line = ProgressLine()
                line.stream = text + "\n"
                try await progress(line)
            }
        }
    }

    package func saveImages(_ references: [String], to sink: @escaping ArchiveSink) async throws {
        for id in try await images.save(references, to: sink) {
            events.publish("image", "save", id.description, ["name": id.description])
        }
    }

    package func pushImage(
        _ reference: String, tag: String?, credentials: RegistryCredentials?, progress: @escaping ProgressSink
    ) async throws {
        let name = try ImageReference(reference).familiarName
        try await images.push(
            reference, tag: tag, login: credentials.flatMap(Self.login),
            progress: { try await progress(Self.line($0)) },
            pushed: { [events] pushed in
                var line = ProgressLine()
                line.progressDetail = ProgressLine.Detail()
                line.aux = ProgressLine.Pushed(
                    tag: pushed.tag, digest: pushed.digest.description, size: pushed.size)
                try await progress(line)
                let familiar = "\(name):\(pushed.tag)"
                events.publish("image", "push", familiar, ["name": familiar])
            })
    }

    package func importImage(
        _ archive: some AsyncSequence<ByteBuffer, any Error> & Sendable, name: String?, comment: String
    ) async throws -> String {
        let id = try await images.importImage(archive, name: name, comment: comment)
        events.publish("image", "import", id.description, ["name": name ?? id.description])
        return id.description
    }

    package func pruneImages(_ filters: Filters) async throws -> (removed: [ImageRemoval], reclaimedBytes: Int64) {
        var rest = filters
        rest.values["dangling"] = nil
        let wanted = try PruneFilters(rest, now: .now)
        var all = false
        if let word = filters["dangling"].first {
            switch word.lowercased() {
            case "0", "false": all = true
            case "1", "true": all = false
            default: throw APIError(.invalidInput, "invalid filter 'dangling=[\(word)]'")
            }
        }
        let pruned = try await images.prune(all: all, uses: imageUses) { image in
            wanted.match(labels: image.configuration.config?.labels ?? [:], created: Self.created(image))
        }
        return (announce(pruned.steps), pruned.bytes)
    }

    package func checkCredentials(_ credentials: RegistryCredentials) async throws -> LoginResult {
        guard let login = Self.login(credentials) else { return .refused("no credentials were given") }
        var address = credentials.serveraddress ?? ""
        // Docker's own registry is written as the place where its first version was.
        if address.isEmpty || address.contains("index.docker.io") { address = ImageReference.hub }
        if let scheme = address.firstRange(of: "://") { address = String(address[scheme.upperBound...]) }
        address = String(address.prefix { $0 != "/" })
        do {
            try await images.checkLogin(address, login)
            return .accepted
        } catch let error as RegistryError where error.code == .unauthorized {
            return .refused(error.message)
        }
    }
}
