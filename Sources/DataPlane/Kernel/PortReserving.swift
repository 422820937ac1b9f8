package import Model

/// Keeps programs of the node off the ports that are published on it: the data plane tells it what is desired, whoever gives ports to containers
/// has told it before.
package protocol PortReserving: Sendable {
    /// Who holds anything: containers by their ids, and the mesh.
    var owners: Set<String> { get }

    /// Holds what an owner is to have, and nothing else of its: for adoption and for ports of the mesh.
    /// - Parameter isAhead: An address need not be the node's yet.
    /// - Returns: Ports that others have.
    func hold(_ ports: [HostPort], owner: String, isAhead: Bool) async throws -> [HostPort]

    /// Holds more for an owner, and gives nothing back.
    /// - Returns: Ports that others have.
    func holdMore(_ ports: [HostPort], owner: String, isAhead: Bool) async throws -> [HostPort]

    /// Gives back all ports of an owner.
    func release(_ owner: String)
}
