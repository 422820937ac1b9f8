package import EngineInterface

extension Snapshot {
    /// The page of this node: our own names, then dockerd's.
    /// - Parameter labels: Those of containers that are told, by our own names.
    package func nodePage(
        _ format: ExpositionFormat, engine: EngineFacts, swarm: SwarmFacts?, history: HistoryState,
        logs: [LogDestinationFacts] = [], encryption: EncryptionFacts? = nil, paths: [PathMeasurement] = [],
        push: PostingState? = nil, network: NodeNetworkFacts? = nil, labels: MetricsLabels = MetricsLabels()
    ) -> [UInt8] {
        var page = ExpositionWriter(format)
        NodeFamilies([(node, ExpositionWriter.Labels())]).write(to: &page)
        ContainerFamilies(containers, node: nil, shown: labels).write(to: &page)
        if !paths.isEmpty { PathFamilies(paths: paths).write(to: &page) }
        if let network { NodeNetworkFamilies.write(network, to: &page) }
        LogFamilies(logs).write(to: &page)
        if let store = swarm?.store { StoreFamilies.write(store, to: &page) }
        PostingFamilies.write(push: push, webhook: swarm?.webhook, to: &page)
        if let bytes = engine.heapBytes {
            page.family(
                "apus_engine_heap_bytes", .gauge, unit: "bytes", "Memory that the daemon has allocated and not freed.")
            page.sample(bytes)
        }
        page.family("apus_telemetry_sample_seconds", .gauge, unit: "seconds", "How long the last sample has taken.")
        page.sample(microseconds: nanoseconds / 1000)
        page.family(
            "apus_telemetry_time_seconds", .gauge, unit: "seconds",
            "When these values were sampled, in seconds since 1970.")
        page.sample(time)
        page.family(
            "apus_telemetry_refused_samples", .counter, unit: "samples",
            "Samples that were left out because there are too many containers.")
        page.sample(Int64(clamping: refused + history.refused))
        page.family("apus_telemetry_failed_writes", .counter, unit: "writes", "Writes of history that have failed.")
        page.sample(Int64(clamping: history.failures))
        if let encryption { EncryptionFamilies.write(encryption, to: &page) }
        DockerdFamilies.write(engine, node: node, to: &page)
        if let swarm { DockerdFamilies.write(swarm, to: &page) }
        page.finish()
        return page.bytes
    }

    /// The same containers in cAdvisor's names.
    package func cadvisorPage(_ format: ExpositionFormat) -> [UInt8] {
        var page = ExpositionWriter(format)
        CadvisorFamilies(containers).write(machine: node, to: &page)
        page.finish()
        return page.bytes
    }
}

/// How keeping history goes.
package struct HistoryState: Sendable, Equatable {
    /// Samples that were left out.
    package var refused = 0
    /// Writes.
    package var failures = 0

    package init() {}
}
