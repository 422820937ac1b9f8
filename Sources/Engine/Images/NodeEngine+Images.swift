package import EngineInterface
import Faults
import Images
import LinuxSystem
package import Model
import OCI

/// Docker's image calls, answered by the image store.
extension NodeEngine: ImageBackend {
    package func pullImage(
        _ reference: String, platform: String?, credentials: RegistryCredentials?, progress: @escaping ProgressSink
    ) async throws {
        let before = try? await images.image(reference).id  // None of that name yet: the pull is a first one.
        let pulled = try await images.pull(reference, platform: platform, login: credentials.flatMap(Self.login)) {
            try await progress(Self.line($0))
        }
        let familiar = try ImageReference(reference).withDefaultTag.familiar
        if before != pulled.id || pulled.isNew {
            events.publish("image", "pull", familiar, ["name": familiar])
        }
    }

    static func login(_ credentials: RegistryCredentials) -> RegistryLogin? {
        if let token = credentials.identitytoken, !token.isEmpty {
            return RegistryLogin(username: credentials.username ?? "", password: "", identityToken: token)
        }
        guard let username = credentials.username, let password = credentials.password, !username.isEmpty else {
            return nil
        }
        return RegistryLogin(username: username, password: password)
    }

    static func line(_ report: ProgressReport) -> ProgressLine {
        guard !report.isStream else {
            var line = ProgressLine()
            line.stream = report.status + "\n"
            return line
        }
        var line = ProgressLine(status: report.status, id: report.id)
        line.progress = report.bar
        if report.hasDetail || report.current != nil {
            line.progressDetail = ProgressLine.Detail(current: report.current, total: report.total)
        }
        return line
    }

    package func listImages(_ filters: Filters, all: Bool, sharedSize: Bool) async throws -> [ImageSummary] {
        try filters.allow(["before", "dangling", "label", "reference", "since", "until"])
        let dangling = try filters.flag("dangling")
        let using = Dictionary(grouping: containers.all, by: \.imageID)
        let until = try PruneFilters(Filters(filters.values.filter { $0.key == "until" }), now: .now)
        let before = try await moments(filters["before"]).min()
        let since = try await moments(filters["since"]).max()
        let shared = sharedSize ? await images.usage().shared : [:]
        return await images.images().compactMap { image in
            // An image is shown by the names that were asked for, and by no others.
            let wanted = filters["reference"]
            let shown = { (name: String) in wanted.isEmpty || wanted.contains { Self.matches(name, $0) } }
            let (tags, digests) = (image.tags.filter(shown), image.digests.filter(shown))
            if !wanted.isEmpty, tags.isEmpty, digests.isEmpty { return nil }
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
            row.containers = using[image.id.description]?.count ?? 0
            return row
        }
    }

    /// An image without a time of making was made in 1970.
    static func created(_ image: StoredImage) -> Timestamp {
        image.configuration.created.flatMap { Timestamp($0) } ?? Timestamp(seconds: 0)
    }

    private func moments(_ references: [String]) async throws -> [Timestamp] {
        var moments: [Timestamp] = []
        for reference in references { moments.append(Self.created(try await images.image(reference))) }
        return moments
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

    package func inspectImage(_ reference: String) async throws -> ImageInspection {
        let image = try await images.image(reference)
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
        view.config = Self.configuration(image.configuration.config)
        view.graphDriver = GraphDriver(name: "overlay2", data: image.graphDriverData)
        view.rootFS.layers = image.configuration.rootFileSystem.diffIDs.map(\.description)
        view.metadata.lastTagTime = Timestamp(seconds: Int64(exactly: image.lastTagged.rounded(.down)) ?? 0)
        return view
    }

    /// An image's defaults as the API writes them.
    static func configuration(_ defaults: ImageConfiguration.Defaults?) -> ContainerConfiguration {
        var configuration = ContainerConfiguration()
        guard let defaults else { return configuration }
        configuration.user = defaults.user ?? ""
        configuration.exposedPorts = defaults.exposedPorts?.mapValues { _ in Model.Empty() }
        configuration.env = defaults.env ?? []
        configuration.entrypoint = defaults.entrypoint.map { StringList($0) }
        configuration.cmd = defaults.cmd.map { StringList($0) }
        configuration.volumes = defaults.volumes?.mapValues { _ in Model.Empty() }
        configuration.workingDir = defaults.workingDirectory ?? ""
        configuration.labels = defaults.labels
        configuration.stopSignal = defaults.stopSignal
        configuration.shell = defaults.shell.map { StringList($0) }
        configuration.onBuild = defaults.onBuild
        configuration.healthcheck = defaults.healthCheck.map { check in
            var health = HealthConfiguration()
            health.test = check.test ?? []
            health.interval = check.interval
            health.timeout = check.timeout
            health.startPeriod = check.startPeriod
            health.startInterval = check.startInterval
            health.retries = check.retries
            return health
        }
        return configuration
    }

    package func tagImage(_ reference: String, repository: String, tag: String) async throws {
        let (name, id) = try await images.tag(reference, repository: repository, tag: tag)
        events.publish("image", "tag", id.description, ["name": name])
    }

    package func removeImage(_ reference: String, force: Bool, prune: Bool) async throws -> [ImageRemoval] {
        announce(try await images.remove(reference, force: force, uses: imageUses))
    }

    /// Which containers have which images.
    var imageUses: [ImageUse] {
        containers.all.compactMap { record in
            Digest(record.imageID).map { ImageUse(image: $0, container: record.id, isRunning: record.isRunning) }
        }
    }

    /// Tells of removals as events, and as the API answers them.
    func announce(_ steps: [ImageRemovalStep]) -> [ImageRemoval] {
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

    package func imageHistory(_ reference: String) async throws -> [ImageHistory] {
        try await images.history(reference).map { step in
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

    package func distribution(_ reference: String, credentials: RegistryCredentials?) async throws
        -> DistributionInspection
    {
        let found = try await images.distribution(reference, login: credentials.flatMap(Self.login))
        var view = DistributionInspection()
        view.descriptor.mediaType = found.descriptor.mediaType
        view.descriptor.digest = found.descriptor.digest.description
        view.descriptor.size = found.descriptor.size
        view.platforms = found.platforms.map {
            DistributionInspection.Platform(architecture: $0.architecture, os: $0.os, variant: $0.variant)
        }
        return view
    }
}
