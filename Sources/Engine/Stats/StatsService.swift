import EngineInterface
import LinuxSystem
package import Model
import Telemetry

/// What containers use: their cgroups' counters, and their interfaces'.
package final class StatsService: ContainerStatsBackend {
    let containers: ContainerTable
    let layout: CgroupLayout
    let paths: EnginePaths
    let events: EventLog
    private let sampler: Sampler

    init(
        containers: ContainerTable, layout: CgroupLayout, paths: EnginePaths, events: EventLog, sampler: Sampler
    ) {
        self.containers = containers
        self.events = events
        self.layout = layout
        self.paths = paths
        self.sampler = sampler
    }

    package func measureContainer(_ reference: String) async throws -> ContainerMeasurement {
        let record = try containers.find(reference)
        var measurement = ContainerMeasurement(identifier: record.id, name: record.name)
        guard record.isUp else { return measurement }
        measurement.usage = try await sampler.measure(SampleTarget(record))
        return measurement
    }
}
