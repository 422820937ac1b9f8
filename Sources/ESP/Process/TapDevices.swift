import Addressing
import CESP
import CLinux
import ESPControl
import Glibc
import LinuxSystem

/// TAP devices in network namespaces, opened by one thread, which comes back to its own namespace after each.
struct TapDevices: ~Copyable {
    private let own: Descriptor

    init() throws(SystemError) { own = try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY) }

    /// A descriptor for each lane, of the device's queue for it.
    /// - Throws: `SystemError`: EBUSY while another process has the device, ENOENT without its namespace.
    func open(_ network: EncryptedNetwork, lanes: Int) throws(SystemError) -> [CInt] {
        if network.namespace.isEmpty { return try openHere(network, lanes) }
        let other = try Descriptor.open(network.namespace, O_RDONLY)
        try check(clinux_setns(other.raw, clinux_clone_newnet), "enter \(network.namespace)")
        defer {
            // A thread in a namespace of others would open the node's sockets there.
            if clinux_setns(own.raw, clinux_clone_newnet) != 0 {
                preconditionFailure("cannot come back to the own namespace")
            }
        }
        return try openHere(network, lanes)
    }

    private func openHere(_ network: EncryptedNetwork, _ lanes: Int) throws(SystemError) -> [CInt] {
        var opened: [CInt] = []
        for _ in 0..<lanes {
            var isMade: CInt = 0
            let device = cesp_tap_open(network.tap, lanes > 1 ? 1 : 0, CInt(clamping: network.mtu), &isMade)
            guard device >= 0 else {
                for other in opened { close(other) }
                throw SystemError(errno: -device, attempting: "open the device \(network.tap)")
            }
            opened.append(device)
        }
        return opened
    }
}

extension UnderlayEndpoint {
    /// Of a lane: each has the next port.
    init(_ address: IPAddress, port: UInt16, lane: Int = 0) {
        var raw = cesp_endpoint()
        withUnsafeMutableBytes(of: &raw.address) { $0.copyBytes(from: address.octets) }
        raw.port_be = UInt16(truncatingIfNeeded: Int(truncatingIfNeeded: port) + lane).bigEndian
        raw.version = address.family == .v4 ? 4 : 6
        self.init(raw: raw)
    }

    /// `nil` for none.
    var value: EncryptionEndpoint? {
        let octets = withUnsafeBytes(of: raw.address) { Array($0.prefix(raw.version == 4 ? 4 : 16)) }
        guard raw.version != 0, let address = IPAddress(octets: octets) else { return nil }
        return EncryptionEndpoint(address: address, port: UInt16(bigEndian: raw.port_be))
    }
}
