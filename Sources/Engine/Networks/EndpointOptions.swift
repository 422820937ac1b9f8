import Addressing
import DataPlane
import EngineInterface
import Faults
import Glibc
import LinuxSystem
import Model

/// What a request may ask of a container's place in a network besides its address and names. Pure.
struct EndpointOptions: Equatable {
    /// What the container's link is called instead of `ethN`.
    let interfaceName: String?
    /// Parameters of the link, `IFNAME` standing for its name: path below /proc/sys and value.
    let parameters: [Parameter]

    struct Parameter: Equatable {
        var path: [String]
        var value: String
    }

    private static let prefix = "com.docker.network."
    private static let nameOption = "com.docker.network.endpoint.ifname"
    private static let parametersOption = "com.docker.network.endpoint.sysctls"

    /// - Throws: ``EndpointOptionError``, ``UnsupportedError``; for what Apus does not do, by name.
    init(_ settings: EndpointSettings?) throws {
        let requests = settings?.ipamConfig
        if !(requests?.linkLocalIPs ?? []).isEmpty {
            throw UnsupportedError.feature("--link-local-ip")
        }
        if let address = requests?.iPv6Address, !address.isEmpty, IPv6Address(address) == nil {
            throw EndpointOptionError.invalidAddress6(address)
        }
        if let address = requests?.iPv4Address, !address.isEmpty, IPAddress(ipv4: address) == nil {
            throw EndpointOptionError.invalidAddress(address)
        }
        for link in settings?.links ?? [] { _ = try LinkText(link) }
        let options = settings?.driverOpts ?? [:]
        for name in options.keys.sorted()
        where name.hasPrefix(Self.prefix) && name != Self.nameOption && name != Self.parametersOption {
            throw EndpointOptionError.unsupported(name)
        }
        interfaceName = options[Self.nameOption]
        if let interfaceName, !Self.isLinkName(interfaceName) {
            throw EndpointOptionError.invalidInterfaceName(interfaceName)
        }
        var parameters: [Parameter] = []
        for text in (options[Self.parametersOption] ?? "").split(separator: ",") {
            parameters.append(try Self.parameter(text))
        }
        self.parameters = parameters
    }

    /// As the kernel has it, no path, and such that rules mean one link alone by it: quotes and backslashes end or change nft's texts, an asterisk
    /// stands for whatever begins so.
    static func isLinkName(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".." && name != "lo"
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !#"/:"\*"#.utf8.contains($0) }
    }

    private static func parameter(_ text: Substring) throws(EndpointOptionError) -> Parameter {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = (sides.first ?? "").split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, parts.count == 5, parts[0] == "net", ["ipv4", "ipv6", "mpls"].contains(parts[1]),
            parts[3] == "IFNAME", parts.allSatisfy({ !$0.isEmpty && !$0.contains("/") })
        else {
            throw .invalidParameter(String(text))
        }
        return Parameter(path: parts, value: String(sides[1]))
    }

    /// What is to be written for a link of this name.
    func writes(for link: String) -> [(path: String, value: String)] {
        parameters.map { parameter in
            (parameter.path.map { $0 == "IFNAME" ? link : $0 }.joined(separator: "/"), parameter.value)
        }
    }
}
