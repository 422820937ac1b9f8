package import EngineInterface

/// What the routes call.
package struct Backends: Sendable {
    package var system: any SystemBackend
    package var containers: any ContainerBackend
    package var images: any ImageBackend
    package var networks: any NetworkBackend
    package var volumes: any VolumeBackend
    package var swarm: any SwarmBackend

    package init(
        system: any SystemBackend, containers: any ContainerBackend, images: any ImageBackend,
        networks: any NetworkBackend, volumes: any VolumeBackend, swarm: any SwarmBackend
    ) {
        self.containers = containers
        self.images = images
        self.networks = networks
        self.swarm = swarm
        self.system = system
        self.volumes = volumes
    }
}
