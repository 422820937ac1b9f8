import Addressing
import EngineInterface
import Faults
import Model

/// What a request may ask of a container's place in a network besides its address and names. Pure.
struct EndpointOptions: Equatable {
    private let link: LinkOptions

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
        link = try LinkOptions(settings?.driverOpts)
    }

    /// What the container's link is called instead of `ethN`.
    var interfaceName: String? { link.interfaceName }

    /// Refuses what a new place cannot be asked for, also where nothing is read from it here.
    ///
    /// - Throws: as ``init(_:)``; ``EndpointOptionError/invalidMAC(_:)``.
    static func check(_ settings: EndpointSettings?) throws {
        _ = try EndpointOptions(settings)
        if let text = settings?.macAddress, !text.isEmpty, MACAddress(written: text) == nil {
            throw EndpointOptionError.invalidMAC(text)
        }
    }

    /// What is to be written for a link of this name.
    func writes(for name: String) -> [(path: String, value: String)] { link.writes(for: name) }
}
