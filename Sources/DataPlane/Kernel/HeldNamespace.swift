import LinuxSystem

/// A namespace that stays within reach should somebody take its name away: the descriptor keeps it alive.
final class HeldNamespace: Sendable {
    private let descriptor: Descriptor

    init(_ namespace: NetworkNamespace) throws(SystemError) { descriptor = try namespace.open() }

    /// Gives the namespace its name again. Blocking.
    func restore(at path: String) throws(SystemError) {
        _ = try NetworkNamespace.bind("/proc/self/fd/\(descriptor.raw)", at: path)
    }
}
