package import EngineInterface
import Images
package import Model
import OCI

/// How containers are listed and inspected.
package final class ContainerListing: ContainerListBackend {
    private let containers: ContainerTable
    private let roots: ContainerRoots
    private let images: ImageService
    private let network: NetworkCoordinator
    private let networks: LocalNetworks
    private let paths: EnginePaths
    private let companions: ContainerCompanions
    private let shipping: LogShipping

    init(
        containers: ContainerTable, roots: ContainerRoots, images: ImageService, network: NetworkCoordinator,
        networks: LocalNetworks, paths: EnginePaths, companions: ContainerCompanions, shipping: LogShipping
    ) {
        self.companions = companions
        self.containers = containers
        self.images = images
        self.network = network
        self.networks = networks
        self.paths = paths
        self.roots = roots
        self.shipping = shipping
    }

    private var views: ContainerViews {
        let paths = paths
        let network = network
        return ContainerViews(
            now: .now, directory: { paths.files(of: $0) }, logPath: { paths.log(of: $0) },
            sandboxPath: { network.sandboxPath($0) }, plainNetworks: networks.plain)
    }

    package func listContainers(_ query: ContainerQuery) async throws -> [ContainerSummary] {
        let names = query.filters["ancestor"].isEmpty ? [:] : try await imageNames()
        let views = views
        var rows = try ContainerSelection(query: query, imageNames: names, plainNetworks: views.plainNetworks)
            .select(containers.all).map(views.summary)
        // Who is linked to a container has a name of its own for it.
        for parent in containers.all {
            for link in parent.links ?? [] {
                guard let index = rows.firstIndex(where: { $0.identifier == link.containerID }) else { continue }
                rows[index].names.append("/\(parent.name)/\(link.alias)")
            }
        }
        await nameImages(of: &rows)
        guard query.size else { return rows }
        for index in rows.indices {
            guard let record = containers.record(rows[index].identifier) else { continue }
            (rows[index].sizeRw, rows[index].sizeRootFs) = try await roots.sizes(of: record)
        }
        return rows
    }

    /// Shows images by their ids whose names stand for others by now, or for none: whoever compares lists sees that such a container is not of the
    /// image that is called so. Source: moby, `daemon.refreshImage`.
    private func nameImages(of rows: inout [ContainerSummary]) async {
        let known = await images.images.ids(of: Set(rows.map(\.image)))
        for index in rows.indices where known[rows[index].image]?.description != rows[index].imageID {
            rows[index].image = rows[index].imageID
        }
    }

    private func imageNames() async throws -> [String: [String]] {
        Dictionary(
            try await images.listImages(Filters(), all: true, sharedSize: false).map { ($0.identifier, $0.repoTags) }
        ) {
            $0 + $1
        }
    }

    package func inspectContainer(_ reference: String, size: Bool) async throws -> ContainerInspection {
        let record = try containers.find(reference)
        var view = views.inspection(record, execIDs: companions.commands(record.id))
        view.state.log = await shipping.state(of: record)
        view.graphDriver = try await roots.graphDriver(record)
        if size { (view.sizeRw, view.sizeRootFs) = try await roots.sizes(of: record) }
        return view
    }
}
