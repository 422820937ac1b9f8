import Addressing
import Netlink

extension TaskContainer {
    /// The addresses of this process's network, by the names of their links. Blocks for a question to the kernel.
    static func readNodeAddresses() throws -> [String: [IPAddress]] {
        let socket = try RouteSocket()
        var names: [UInt32: String] = [:]
        for link in try socket.links() { names[link.index] = link.name }
        var found: [String: [IPAddress]] = [:]
        for address in try IPFamily.allCases.flatMap({ try socket.addresses($0) }) {
            guard case .index(let index) = address.link, let name = names[index] else { continue }
            found[name, default: []].append(address.network.address)
        }
        return found
    }
}
