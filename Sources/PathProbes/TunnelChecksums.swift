import CLinux
import Glibc
import LinuxSystem

/// Has the kernel compute the checksums of what goes into overlays' tunnels where a network card spoils them, and leaves them to the card where
/// none does. On the overlays' own VXLAN devices alone: no link of the host is touched. Both are looked at again and again: a device that comes
/// later is like the others.
package struct TunnelChecksums: Sendable {
    /// Of overlays' namespaces: the directory, what their names begin with, and what the device in each is called.
    private let directory: String
    private let prefix: String
    private let device: String

    /// - Parameters:
    ///   - directory: Where overlays' namespaces are.
    ///   - prefix: What their names begin with.
    ///   - device: The VXLAN device's name in each; one without it is left alone.
    package init(directory: String, prefix: String, device: String) {
        self.device = device
        self.directory = directory
        self.prefix = prefix
    }

    /// Makes the devices of all overlays so.
    /// - Parameter byKernel: The kernel computes them, in software, before the tunnel. Segmentation moves there as well.
    /// - Returns: How many were otherwise.
    package func apply(byKernel: Bool) async throws -> Int {
        let (directory, prefix, device) = (directory, prefix, device)
        let overlays = try await onThread {
            try NetworkNamespace.list(in: directory).filter { $0.path.hasPrefix("\(directory)/\(prefix)") }
        }
        var changed = 0
        for overlay in overlays {
            do {
                changed += try await overlay.run {
                    let present = clinux_link_checksums(device)
                    guard present >= 0, (present == 1) == byKernel else { return 0 }
                    try check(
                        clinux_set_link_checksums(device, byKernel ? 0 : 1),
                        "change who computes the tunnel's checksums")
                    return 1
                }
            } catch let error as SystemError where error.errno == ENOENT || error.errno == ENODEV {
                // It has just gone.
                continue
            }
        }
        return changed
    }
}
