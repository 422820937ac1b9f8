import CLinux
import DataPlane
import Glibc
import LinuxSystem

/// Has the kernel compute the checksums of what goes into overlays' tunnels where a network card spoils them, and leaves them to the card where
/// none does. On the overlays' own VXLAN devices alone: no link of the host is touched. Both are looked at again and again: a device that comes
/// later is like the others.
struct TunnelChecksums: Sendable {
    let layout: Layout

    /// Makes the devices of all overlays so.
    /// - Parameter byKernel: The kernel computes them, in software, before the tunnel. Segmentation moves there as well.
    /// - Returns: How many were otherwise.
    func apply(byKernel: Bool) async throws -> Int {
        let layout = layout
        let overlays = try await onThread {
            try NetworkNamespace.list(in: layout.namespaceDirectory).filter {
                $0.path.hasPrefix(layout.namespaceDirectory + "/" + Layout.overlayPrefix)
            }
        }
        var changed = 0
        for overlay in overlays {
            do {
                changed += try await overlay.run {
                    let present = clinux_link_checksums(Layout.overlayTunnel)
                    // An encrypted overlay has none.
                    guard present >= 0, (present == 1) == byKernel else { return 0 }
                    try check(
                        clinux_set_link_checksums(Layout.overlayTunnel, byKernel ? 0 : 1),
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
