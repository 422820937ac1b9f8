package import EngineInterface
import Images
import LinuxSystem
package import Model
import OCI

/// Who has images, as their service needs to know it.
protocol ImageUsers: Sendable {
    /// Which containers have which images.
    var imageUses: [ImageUse] { get }
}

/// Docker's image calls, answered by the image store.
package final class ImageService: ImageBackend {
    let images: ImageStore
    let users: any ImageUsers
    let events: EventLog

    init(images: ImageStore, users: any ImageUsers, events: EventLog) {
        self.events = events
        self.images = images
        self.users = users
    }

    package func listImages(_ filters: Filters, all: Bool, sharedSize: Bool) async throws -> [ImageSummary] {
        try filters.allow(["before", "dangling", "label", "reference", "since", "until"])
        let dangling = try filters.flag("dangling")
        let uses = Dictionary(grouping: users.imageUses, by: \.image)
        let until = try PruneFilters(Filters(filters.values.filter { $0.key == "until" }), now: .now)
        let before = try await timestamps(filters["before"]).min()
        let since = try await timestamps(filters["since"]).max()
        let shared = sharedSize ? await images.usage().shared : [:]
        return await images.images().compactMap { image in
            // An image is shown by the names that were asked for, and by no others.
            let requested = filters["reference"]
            let shown = { (name: String) in requested.isEmpty || requested.contains { Self.matches(name, $0) } }
            let (tags, digests) = (image.tags.filter(shown), image.digests.filter(shown))
            if !requested.isEmpty, tags.isEmpty, digests.isEmpty { return nil }
            let created = Self.created(image)
            let isWanted =
                filters.labelsMatch(image.configuration.config?.labels ?? [:])
                && until.match(labels: [:], created: created) && (before.map { created < $0 } ?? true)
                && (since.map { created > $0 } ?? true)
                && (dangling.map { $0 == image.tags.isEmpty } ?? true)
            guard isWanted else { return nil }
            var row = ImageSummary()
            row.identifier = image.id.description
            row.repoTags = tags
            row.repoDigests = digests
            row.created = Self.created(image).seconds
            row.size = image.size
            row.virtualSize = image.size
            row.sharedSize = shared[image.id] ?? -1
            row.labels = image.configuration.config?.labels ?? [:]
            row.containers = uses[image.id]?.count ?? 0
            return row
        }
    }

    /// An image without a time of making was made in 1970.
    static func created(_ image: StoredImage) -> Timestamp {
        image.configuration.created.flatMap { Timestamp($0) } ?? Timestamp(seconds: 0)
    }

    private func timestamps(_ references: [String]) async throws -> [Timestamp] {
        var timestamps: [Timestamp] = []
        for reference in references { timestamps.append(Self.created(try await images.image(reference))) }
        return timestamps
    }

    /// `name`, `name:tag`, `name@digest`, with `*` for any run of characters.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        let end = name.firstIndex(of: "@") ?? name.lastIndex(of: ":") ?? name.endIndex
        return [name, String(name[..<end])].contains { candidate in
            let parts = pattern.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
            guard parts.count > 1, let head = parts.first, let tail = parts.last else { return candidate == pattern }
            guard candidate.hasPrefix(head), candidate.hasSuffix(tail) else { return false }
            var rest = Substring(candidate)
            for part in parts where !part.isEmpty {
                guard let found = rest.firstRange(of: part) else { return false }
                rest = rest[found.upperBound...]
            }
            return true
        }
    }

    package func inspectImage(_ reference: String, platform: String?) async throws -> ImageInspection {
        let image = try await images.image(reference, platform: platform)
        var view = ImageInspection()
        view.identifier = image.id.description
        view.repoTags = image.tags
        view.repoDigests = image.digests
        view.created = image.configuration.created ?? ""
        view.author = image.configuration.author ?? ""
        view.comment = image.configuration.comment ?? ""
        view.architecture = image.configuration.architecture
        view.os = image.configuration.platform.os
        view.size = image.size
        view.virtualSize = image.size
        view.config = ImageDefaults.configuration(of: image.configuration.config)
        view.graphDriver = GraphDriver(name: "overlay2", data: image.graphDriverData)
        view.rootFS.layers = image.configuration.rootFileSystem.diffIDs.map(\.description)
        view.metadata.lastTagTime = Timestamp(seconds: Int64(exactly: image.lastTagged.rounded(.down)) ?? 0)
        return view
    }

    package func tagImage(_ reference: String, repository: String, tag: String) async throws {
        let (name, id) = try await images.tag(reference, repository: repository, tag: tag)
        events.publish("image", "tag", id.description, ["name": name])
    }

    package func removeImage(
        _ reference: String, platform: String?, force: Bool, prune: Bool
    ) async throws -> [ImageRemoval] {
        publish(try await images.remove(reference, platform: platform, force: force, uses: users.imageUses))
    }

    /// Tells of removals as events, and as the API answers them.
    func publish(_ steps: [ImageRemovalStep]) -> [ImageRemoval] {
        steps.map { step in
            switch step {
            case .untagged(let name, let id):
                events.publish("image", "untag", id.description, ["name": id.description])
                return ImageRemoval(untagged: name)
            case .deletedImage(let id):
                events.publish("image", "delete", id.description, ["name": id.description])
                return ImageRemoval(deleted: id.description)
            case .deletedLayer(let chain): return ImageRemoval(deleted: chain.description)
            }
        }
    }

    package func imageHistory(_ reference: String, platform: String?) async throws -> [ImageHistory] {
        try await images.history(reference, platform: platform).map { step in
            var row = ImageHistory()
            row.identifier = step.id?.description ?? "<missing>"
            row.created = step.step.created.flatMap { Timestamp($0) }?.seconds ?? 0
            row.createdBy = step.step.createdBy ?? ""
            row.comment = step.step.comment ?? ""
            row.tags = step.tags.isEmpty ? nil : step.tags
            row.size = step.size
            return row
        }
    }

    package func pruneImages(_ filters: Filters) async throws -> (removed: [ImageRemoval], reclaimedBytes: Int64) {
        var rest = filters
        rest.values["dangling"] = nil
        let requested = try PruneFilters(rest, now: .now)
        var all = false
        if let word = filters["dangling"].first {
            switch word.lowercased() {
            case "0", "false": all = true
            case "1", "true": all = false
            default: throw FilterError.invalidFlag(name: "dangling", values: [word])
            }
        }
        let pruned = try await images.prune(all: all, uses: users.imageUses) { image in
            requested.match(labels: image.configuration.config?.labels ?? [:], created: Self.created(image))
        }
        return (publish(pruned.steps), pruned.bytes)
    }
}
