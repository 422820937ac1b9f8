/// The option `apus.sealed` of an internal network: that a port is published is no reason for a way out.
package enum Sealing {
    package static let option = "apus.sealed"

    /// Whether a network's options ask for it. What is not internal is not sealed, whatever they say.
    package static func isOn(_ options: [String: String]?) -> Bool { OnOff.read(option, of: options) == true }

    /// - Throws: ``NetworkOptionError`` for a value that is neither on nor off, and for a network that leads outside.
    package static func check(_ options: [String: String]?, isInternal: Bool) throws(NetworkOptionError) {
        try OnOff.check(option, of: options)
        if isOn(options), !isInternal { throw .internalOnly(option) }
    }

    /// Refuses the option whatever it says, where a driver has no use for it.
    /// - Throws: ``NetworkOptionError/notOfDriver(option:driver:)``.
    package static func refuse(_ options: [String: String]?, driver: String) throws(NetworkOptionError) {
        if options?[option] != nil { throw .notOfDriver(option: option, driver: driver) }
    }
}

/// A network of the swarm as far as it decides on a container's way out.
package protocol SealableNetwork {
    /// It is internal, and ports that are published open no way out of it.
    var isSealed: Bool { get }
    /// Its containers are given a way out by the node's bridge. Neither an internal network's nor the ingress network's are.
    var leadsOutside: Bool { get }
}

extension Sequence where Element: SealableNetwork {
    /// Whether a container in all of these, and in no other overlay, is to have no bridge of the node: one is sealed, and none leads outside.
    package var areSealed: Bool { contains(where: \.isSealed) && !contains(where: \.leadsOutside) }
}

extension SwarmNetwork: SealableNetwork {
    package var isSealed: Bool {
        spec.internal == true && !isNodeLocal && Sealing.isOn(driverState?.options ?? spec.driverConfiguration?.options)
    }
    package var leadsOutside: Bool { spec.internal != true && spec.ingress != true && !isNodeLocal }
}
