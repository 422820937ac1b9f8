import EngineInterface

/// The metrics of ways to other nodes.
struct PathFamilies {
    let paths: [PathMeasurement]

    func write(to page: inout ExpositionWriter) {
        let labelled = paths.map { path in
            (path: path, labels: ExpositionWriter.Labels([("peer", path.peer), ("path", path.kind.word)]))
        }
        page.family(
            "apus_path_rtt_seconds", .gauge, unit: "seconds",
            "There and back to another node; absent when nothing comes back.")
        for (path, labels) in labelled {
            guard let time = path.roundTripMicroseconds else { continue }
            page.sample(labels, microseconds: Int64(clamping: time))
        }
        page.family("apus_path_loss_ratio", .gauge, "Of the last probes to another node, those that were not answered.")
        for (path, labels) in labelled { page.sample(labels, thousandths: Int64(clamping: path.lossPermille)) }
        page.family(
            "apus_path_mtu_bytes", .gauge, unit: "bytes",
            "The longest packet of the underlay that passes to another node.")
        for (path, labels) in labelled {
            if let mtu = path.mtu { page.sample(labels, Int64(clamping: mtu)) }
        }
        page.family("apus_path_ill", .gauge, "Whether something is wrong with the way to another node, and what.")
        for (path, labels) in labelled {
            for (finding, word) in PathFindings.words {
                page.sample(labels.adding("finding", word), path.findings.contains(finding) ? 1 : 0)
            }
        }
    }
}
