import OCI

/// What a request is about: which repository, at which endpoint, as whom, and to do what.
struct RegistryCall: Sendable {
    let reference: ImageReference
    let endpoint: RegistryEndpoint
    let login: RegistryLogin?
    /// As tokens name them: `pull`, `pull,push`.
    let actions: String
    /// Other repositories of the same registry that blobs are taken over from.
    let sources: [String]

    /// A mirror is not the registry that the login is for.
    init(
        _ reference: ImageReference, at endpoint: RegistryEndpoint, login: RegistryLogin?, actions: String = "pull",
        sources: [String] = []
    ) {
        self.actions = actions
        self.endpoint = endpoint
        self.login = endpoint.isMirror ? nil : login
        self.reference = reference
        self.sources = sources
    }

    var scopes: [String] {
        guard !actions.isEmpty else { return [] }
        return ["repository:\(reference.path):\(actions)"] + sources.map { "repository:\($0):pull" }
    }

    var repositoryURL: String { "\(endpoint.base)/v2/\(reference.path)" }
}
