import DockerClient
import Model
import Templates

/// Which image the tasks run: with the digest the registry has for its tag now.
enum ServiceImage {
    static func resolve(
        _ spec: inout ServiceSpec, _ client: DaemonClient, queriesRegistry: Bool, credentials: (String, String)
    ) async throws {
        let text = spec.taskTemplate.containerSpec?.image ?? ""
        // An id in place of a name stays as it is.
        guard let name = try? ImageName(parsing: text) else { return }
        var image = name.withTag.familiar
        if queriesRegistry, name.digest == nil {
            do {
                let found = try await client.json(
                    Request("GET", "/distribution/\(Request.part(text))/json", headers: [credentials]))
                let digest = found["Descriptor"]["digest"].text
                if !digest.isEmpty { image += "@\(digest)" }
                let platforms = found["Platforms"].elements.map { platform in
                    NodeDescription.Platform(architecture: platform["architecture"].text, system: platform["os"].text)
                }
                if !platforms.isEmpty {
                    var placement = spec.taskTemplate.placement ?? Placement()
                    placement.platforms = platforms
                    spec.taskTemplate.placement = placement
                }
            } catch is DockerError {
                Console.error(
                    """
                    image \(image) could not be accessed on a registry to record
                    its digest. Each node will access \(image) independently,
                    possibly leading to different nodes running different
                    versions of the image.

                    """)
            }
        }
        spec.taskTemplate.containerSpec?.image = image
    }
}
