import EngineInterface
import Model

extension ServiceSpec {
    /// The specification with credentials for the nodes: its own, or those of a present one. Source: moby, `Cluster.UpdateService`.
    ///
    /// - Parameter service: As it is before the update.
    func keepingCredentials(of service: Service, from origin: CredentialsOrigin) throws(ServiceError) -> ServiceSpec {
        guard taskTemplate.registryAuth == nil else { return self }
        let former: ServiceSpec? =
            switch origin {
            case .spec: service.spec
            case .previousSpec: service.previousSpec
            }
        guard let former else { throw .noPreviousCredentials }
        guard let kept = former.taskTemplate.registryAuth else { return self }
        var spec = self
        spec.taskTemplate.registryAuth = kept
        return spec
    }
}
