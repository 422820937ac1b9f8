package import EngineInterface
import Faults
import Images
package import Model
package import NIOCore
import OCI

/// Images that come from and go to archives and registries, and those that nobody needs.
extension ImageService: ImageTransferBackend {
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

    package func saveImages(
        _ references: [String], platform: String?, to sink: @escaping ArchiveSink
    ) async throws {
        for id in try await images.save(references, platform: platform, to: sink) {
            events.publish("image", "save", id.description, ["name": id.description])
        }
    }

    package func pushImage(
        _ reference: String, tag: String?, platform: String?, credentials: RegistryCredentials?,
        progress: @escaping ProgressSink
    ) async throws {
        let name = try ImageReference(reference).familiarName
        try await images.push(
            reference, tag: tag, platform: platform, login: credentials.flatMap(Self.login),
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
}

/// What a registry says.
extension ImageService: RegistryBackend {
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
