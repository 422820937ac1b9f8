/// What options by their names ask of a link: of a container's in one network, or of the links of a service's tasks. Pure.
package struct LinkOptions: Sendable, Equatable {
    /// What the link is called instead of `ethN`.
    package let interfaceName: String?
    /// Parameters of the link.
    package let parameters: [Parameter]

    /// One parameter of the kernel.
    package struct Parameter: Sendable, Equatable {
        /// Below /proc/sys, `IFNAME` standing for the link's name.
        package var path: [String]
        package var value: String
    }

    private static let prefix = "com.docker.network."
    /// The name of the link.
    private static let nameOption = "com.docker.network.endpoint.ifname"
    /// `net.ipv4.conf.IFNAME.NAME=VALUE`, several with commas between them.
    private static let parametersOption = "com.docker.network.endpoint.sysctls"
    /// Taken in small letters as well: the `docker` command sends options of `--network name=…` so.
    private static let placeholder = "IFNAME"

    /// - Parameter options: Those that do not begin with `com.docker.network.` are passed over.
    /// - Throws: For what makes no sense, with it; for what Apus does not do, by name.
    package init(_ options: [String: String]?) throws(EndpointOptionError) {
        let options = options ?? [:]
        for name in options.keys.sorted()
        where name.hasPrefix(Self.prefix) && name != Self.nameOption && name != Self.parametersOption {
            throw .unsupported(name)
        }
        let name = options[Self.nameOption]
        if let name, !Self.isLinkName(name) { throw .invalidInterfaceName(name) }
        var parameters: [Parameter] = []
        for text in (options[Self.parametersOption] ?? "").split(separator: ",") {
            parameters.append(try Self.parameter(text))
        }
        interfaceName = name
        self.parameters = parameters
    }

    /// As the kernel has it, no path, and such that rules mean one link alone by it: quotes and backslashes end or change nft's texts, an asterisk
    /// stands for whatever begins so.
    package static func isLinkName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".." && name != "lo"
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !#"/:"\*"#.utf8.contains($0) }
    }

    private static func parameter(_ text: Substring) throws(EndpointOptionError) -> Parameter {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        var parts = (sides.first ?? "").split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, parts.count == 5, parts[0] == "net", ["ipv4", "ipv6", "mpls"].contains(parts[1]),
            [placeholder, placeholder.lowercased()].contains(parts[3]),
            parts.allSatisfy({ !$0.isEmpty && !$0.contains("/") })
        else {
            throw .invalidParameter(String(text))
        }
        parts[3] = placeholder
        return Parameter(path: parts, value: String(sides[1]))
    }

    /// What is to be written for a link of this name.
    package func writes(for link: String) -> [(path: String, value: String)] {
        parameters.map { parameter in
            (parameter.path.map { $0 == Self.placeholder ? link : $0 }.joined(separator: "/"), parameter.value)
        }
    }
}
