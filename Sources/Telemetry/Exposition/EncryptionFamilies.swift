/// What a node tells of its encrypted networks.
package struct EncryptionFacts: Sendable, Equatable {
    /// Of one network, since the process that encrypts was started.
    package struct Network: Sendable, Equatable {
        package let id: String
        /// Received, opened and passed on.
        package var framesIn: UInt64 = 0
        /// Taken from the network to be sent.
        package var framesOut: UInt64 = 0
        /// Of the frames.
        package var bytesIn: UInt64 = 0
        /// Of the frames.
        package var bytesOut: UInt64 = 0
        /// Frames by why they were dropped.
        package var dropped: [String: UInt64] = [:]

        package init(id: String) { self.id = id }
    }

    /// Whether the process answers. Without it nothing passes.
    package var isRunning = false
    /// How many things are not as they should be.
    package var faults = 0
    package var networks: [Network] = []
    /// Packets from the underlay by why they were refused.
    package var refused: [String: UInt64] = [:]
    /// Sends that the kernel refused, by why.
    package var unsent: [String: UInt64] = [:]

    package init() {}
}

/// Encrypted networks in our own names.
enum EncryptionFamilies {
    static func write(_ facts: EncryptionFacts, to page: inout ExpositionWriter) {
        page.family(
            "apus_encryption_up", .gauge,
            "Whether the process that encrypts answers; without it nothing passes in encrypted networks.")
        page.sample(facts.isRunning ? 1 : 0)
        page.family(
            "apus_encryption_faults", .gauge, "Keys, peers, devices and sockets that are not as they should be.")
        page.sample(Int64(clamping: facts.faults))
        let networks = facts.networks.map { (network: $0, labels: ExpositionWriter.Labels([("network", $0.id)])) }
        page.family(
            "apus_encryption_frames", .counter, unit: "frames", "Frames that passed an encrypted network's tunnel.")
        for (network, labels) in networks {
            page.sample(labels.adding("direction", "in"), Int64(clamping: network.framesIn))
            page.sample(labels.adding("direction", "out"), Int64(clamping: network.framesOut))
        }
        page.family("apus_encryption_bytes", .counter, unit: "bytes", "Bytes of these frames.")
        for (network, labels) in networks {
            page.sample(labels.adding("direction", "in"), Int64(clamping: network.bytesIn))
            page.sample(labels.adding("direction", "out"), Int64(clamping: network.bytesOut))
        }
        page.family("apus_encryption_dropped_frames", .counter, unit: "frames", "Frames that did not pass, by why.")
        for (network, labels) in networks {
            for (reason, count) in network.dropped.sorted(by: { $0.key < $1.key }) {
                page.sample(labels.adding("reason", reason), Int64(clamping: count))
            }
        }
        page.family(
            "apus_encryption_refused_packets", .counter, unit: "packets",
            "Packets from the underlay that were refused, by why.")
        for (reason, count) in facts.refused.sorted(by: { $0.key < $1.key }) {
            page.sample(.init([("reason", reason)]), Int64(clamping: count))
        }
        page.family(
            "apus_encryption_send_errors", .counter, unit: "errors",
            "Sends to the underlay that the kernel refused, by why.")
        for (reason, count) in facts.unsent.sorted(by: { $0.key < $1.key }) {
            page.sample(.init([("reason", reason)]), Int64(clamping: count))
        }
    }
}
