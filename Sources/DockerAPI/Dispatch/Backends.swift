package import EngineInterface

/// What the routes call, one for each resource.
package struct Backends: Sendable {
    package var system: any SystemBackend
    package var containers: any ContainerBackend
    package var creation: any ContainerCreationBackend
    package var listing: any ContainerListBackend
    package var streams: any ContainerStreamBackend
    package var logs: any LogBackend
    package var execs: any ExecBackend
    package var files: any ContainerFilesBackend
    package var stats: any ContainerStatsBackend
    package var images: any ImageBackend
    package var transfers: any ImageTransferBackend
    package var registries: any RegistryBackend
    package var networks: any NetworkBackend
    package var connections: any NetworkConnectionBackend
    package var volumes: any VolumeBackend
    package var swarm: any SwarmBackend
    package var nodes: any NodeBackend
    package var services: any ServiceBackend
    package var tasks: any TaskBackend
    /// Without it there are no pages of metrics.
    package var metrics: (any MetricsBackend)?
    /// Without it there are no accounts of a dashboard to manage.
    package var dashboard: (any DashboardAdministration)?
    /// Without it there are no paths for alerts.
    package var alerts: (any AlertBackend)?
    /// Without it there is no path for what the swarm uses.
    package var usage: (any UsageBackend)?
    /// Without it there is no path for the ways between nodes.
    package var paths: (any PathBackend)?

    package init(
        system: any SystemBackend, containers: any ContainerBackend, creation: any ContainerCreationBackend,
        listing: any ContainerListBackend, streams: any ContainerStreamBackend, logs: any LogBackend,
        execs: any ExecBackend, files: any ContainerFilesBackend, stats: any ContainerStatsBackend,
        images: any ImageBackend, transfers: any ImageTransferBackend, registries: any RegistryBackend,
        networks: any NetworkBackend, connections: any NetworkConnectionBackend, volumes: any VolumeBackend,
        swarm: any SwarmBackend, nodes: any NodeBackend, services: any ServiceBackend, tasks: any TaskBackend
    ) {
        self.connections = connections
        self.containers = containers
        self.creation = creation
        self.execs = execs
        self.files = files
        self.images = images
        self.listing = listing
        self.logs = logs
        self.networks = networks
        self.nodes = nodes
        self.registries = registries
        self.services = services
        self.stats = stats
        self.streams = streams
        self.swarm = swarm
        self.system = system
        self.tasks = tasks
        self.transfers = transfers
        self.volumes = volumes
    }
}
