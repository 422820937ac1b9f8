import Addressing
import CLinux
import EngineInterface
import LinuxSystem
import Netlink

/// The device of the process that encrypts: it is wanted in a namespace of ours, and comes when the process has been told.
extension ProbeDevice {
    /// For how long it is waited for.
    private static let timeout = Duration.seconds(20)
    private static let look = Duration.milliseconds(100)

    /// - Parameter report: Has the process told where the device is wanted: a namespace's path, for other processes.
    /// - Throws: ``NetlinkError`` with `.missing` when it does not come.
    static func open(
        _ setting: Setting, linkMTU: Int, report: @Sendable (String) -> Void
    ) async throws -> ProbeDevice {
        let place = try await NetworkNamespace.makeNameless()
        let inner = place.namespace
        try await onThread { try silence(inner) }
        report(place.pathForOthers)
        let route = try await RouteSocket.open(in: inner)
        let end = ContinuousClock.now + timeout
        while try await onThread({ try route.link(named: encryptedName) }) == nil {
            guard ContinuousClock.now < end else {
                throw NetlinkError(code: .missing, attempting: "find the device for encrypted probes")
            }
            try await Task.sleep(for: look)
        }
        let mac = ProbeFrame.station(of: setting.own)
        let raw = try await inner.run {
            var change = SetLink(.name(encryptedName), mtu: setting.mtu(linkMTU))
            change.mac = mac
            try route.perform([change, SetLink(.name(encryptedName), isUp: true)])
            let index = clinux_ifindex(encryptedName)
            return try check(index == 0 ? -1 : clinux_packet_socket(index), "open a packet socket")
        }
        return ProbeDevice(setting, place, route, Descriptor(owning: raw))
    }
}
