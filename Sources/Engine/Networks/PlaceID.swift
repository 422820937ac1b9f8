import Crypto
import LinuxSystem

/// The id of a place in a network, 64 hex digits. Pure.
enum PlaceID {
    /// One that everybody who knows both ids can tell. It is the same from the start to the end, whatever becomes of the daemon meanwhile.
    /// - Parameter holder: The id of the container, or of the node for a place of its own.
    static func derived(from holder: String, on network: String) -> String {
        SHA256.hash(data: Array("\(holder)/\(network)".utf8))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension EndpointRecord {
    /// An id for the place, which is about to be taken. On an overlay a task's follows from its container's, which other nodes know;
    /// elsewhere it is random: a container that is started again must not find the links of before in its way.
    /// - Parameter container: The id of the task's container; `nil` for a container of no task.
    func newID(ofTask container: String?) -> String {
        guard overlay != nil, let container else { return RandomID.docker() }
        return PlaceID.derived(from: container, on: networkID)
    }
}
