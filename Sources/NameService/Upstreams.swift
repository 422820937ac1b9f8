package import Addressing

/// Where names go that a sandbox's table does not know.
package struct Upstreams: Sendable, Equatable {
    /// Whose network the queries leave by.
    package enum Origin: Sendable, Equatable {
        /// The node's: servers taken from the node's own configuration, which may be on its loopback.
        case node
        /// The sandbox's: servers named for the container (`--dns`), as the container itself would reach them.
        case sandbox
    }

    /// Where a resolver listens, for UDP and TCP alike.
    package struct Server: Sendable, Hashable {
        package var address: IPAddress
        package var port: UInt16

        package init(_ address: IPAddress, port: UInt16 = 53) {
            self.address = address
            self.port = port
        }
    }

    /// In the order in which they are asked.
    package var servers: [Server]
    package var origin: Origin

    package init(_ servers: [Server], origin: Origin = .node) {
        self.servers = servers
        self.origin = origin
    }

    /// The servers of a `resolv.conf` (resolv.conf(5)), of both families. One with a zone (`fe80::1%eth0`) is passed over: its link
    /// exists on the node alone.
    package init(resolvConf text: String, origin: Origin = .node) {
        var servers: [Server] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if fields.first == "nameserver", let address = fields.dropFirst().first.flatMap({ IPAddress($0) }) {
                servers.append(Server(address))
            }
        }
        self.init(servers, origin: origin)
    }
}

/// How a query came, and goes on.
package enum Transport: Sendable { case udp, tcp }
