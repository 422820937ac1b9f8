import EngineInterface
import Faults
import Model

/// What a service may ask of its tasks' links, by options of its networks: what a container may ask of its own. Addresses are looked at elsewhere.
enum LinkRules {
    /// How options begin that are the swarm's own: of these none is passed over.
    private static let ownPrefix = "apus."

    /// Looks at one network by itself, by its id, or by its name where every node has it.
    /// - Throws: ``EndpointOptionError`` for what makes no sense, as for a container; ``UnsupportedError``.
    static func check(_ attachment: NetworkAttachmentConfig) throws {
        let own = attachment.predefined
        if let option = (attachment.driverOpts ?? [:]).keys.filter({ isRefused($0, in: own) }).min() {
            throw UnsupportedError.feature("the option \(option) of a service's network")
        }
        _ = try LinkOptions(attachment.driverOpts)
    }

    private static func isRefused(_ option: String, in own: PredefinedNetwork?) -> Bool {
        guard let own else {
            return option.hasPrefix(ownPrefix) && !NetworkAttachmentConfig.addressOptions.contains(option)
        }
        // On the bridge the swarm has no addresses to give; on the others no link is made.
        return own != .bridge || option.hasPrefix(ownPrefix)
    }

    /// Looks at all networks of a service together. Options of links are kept in the template, by which tasks are compared: other ones are other tasks.
    /// - Throws: ``EndpointError/interfaceTaken(_:)``, ``UnsupportedError``.
    static func settle(_ spec: inout ServiceSpec) throws {
        let inTemplate = spec.taskTemplate.networks ?? []
        let all = inTemplate.isEmpty ? spec.networks ?? [] : inTemplate
        var options: [String: [String: String]] = [:]
        var names: Set<String> = []
        for attachment in all {
            let asked = attachment.driverOpts ?? [:]
            if let former = options[attachment.target] {
                guard asked.isEmpty || asked == former else {
                    throw UnsupportedError.feature("naming a network of a service twice with different options")
                }
                continue
            }
            options[attachment.target] = asked
            guard let name = try LinkOptions(asked).interfaceName else { continue }
            guard names.insert(name).inserted else { throw EndpointError.interfaceTaken(name) }
        }
        guard inTemplate.isEmpty, all.contains(where: { $0.linkOptions != nil }) else { return }
        spec.taskTemplate.networks = all
        spec.networks = nil
    }
}
