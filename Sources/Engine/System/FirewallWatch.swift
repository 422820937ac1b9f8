import DataPlane
import Logging
import Synchronization

/// Tells that a program administers the node's firewall whose rules for input see no published port: by `docker info`, and in the log at the start.
final class FirewallWatch: Sendable {
    private let looking: @Sendable () async throws -> [HostFirewall]
    private let log: Logger
    private let isBlind = Atomic<Bool>(false)

    /// - Parameter looking: What is at work on the node now.
    init(log: Logger, looking: @escaping @Sendable () async throws -> [HostFirewall]) {
        self.log = log
        self.looking = looking
    }

    /// In words for a user, as it is now; empty where there is none, or where the rules cannot be read.
    func warnings() async -> [String] { await look().map(Self.text) }

    /// Says it in the log.
    func tell() async {
        for firewall in await look() {
            log.warning(
                "published ports are not judged by the node's firewall",
                metadata: ["firewall": "\(firewall.rawValue)", "see": "docs/publishing.md"])
        }
    }

    /// That nothing can be seen is said once, until something could: `docker info` is asked as often as somebody likes.
    private func look() async -> [HostFirewall] {
        do {
            let found = try await looking()
            isBlind.store(false, ordering: .relaxed)
            return found
        } catch is CancellationError { return [] } catch {
            if !isBlind.exchange(true, ordering: .relaxed) {
                log.warning(
                    "whether the node has a firewall of its own could not be seen", metadata: ["error": "\(error)"])
            }
            return []
        }
    }

    private static func text(_ firewall: HostFirewall) -> String {
        "WARNING: \(firewall.rawValue) is active on this node, and its rules for input do not judge published ports: see docs/publishing.md, \"The administrator's chain\""
    }
}
