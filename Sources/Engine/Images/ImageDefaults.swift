import EngineInterface
import Images
import Model
import OCI

/// What an image says of the containers made from it.
struct ImageDefaults: Sendable {
    var id: String
    var configuration: ContainerConfiguration

    /// An image's defaults as the API writes them.
    static func configuration(of defaults: ImageConfiguration.Defaults?) -> ContainerConfiguration {
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
}

extension ImageService {
    /// - Parameter platform: The one that the image has to be for, if any.
    func defaults(of reference: String, platform: String? = nil) async throws -> ImageDefaults {
        let image = try await images.image(reference, platform: platform)
        return ImageDefaults(
            id: image.id.description, configuration: ImageDefaults.configuration(of: image.configuration.config))
    }

    /// How many images there are.
    func count() async -> Int { await images.images().count }

    /// Bytes of all layers, each once.
    func layerBytes() async -> Int64 { await images.usage().layers }
}
