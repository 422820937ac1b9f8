import Addressing
import Foundation
import LinuxSystem
import Logging
import Model
import Orchestration
import SwiftASN1
import X509

/// A manager whose certificate has expired while it was off cannot be let in by others, nor, if all of them were off, let others in: it has the
/// authority in its own copy of the store and issues itself a new one.
struct LocalRenewal {
    let role: ManagerRole
    let authority: CertificateAuthority
    let model: ReadModel

    func renewIfExpired(now: Date = Date()) async throws {
        guard let own = role.identity.credentials, own.certificate.notValidAfter < now else { return }
        if model.objects.nodes.isEmpty { try await model.prime() }
        let membership = role.file.value
        guard let node = model.objects.nodes[membership.nodeID], node.grantedRole == .manager else {
            throw ClusterError(.badCertificate, "the certificate has expired, and this node is no manager any more")
        }
        let key = NodeKey()
        let expiry = model.objects.cluster?.spec.caConfig?.nodeCertExpiry ?? 0
        let certificate = try authority.issue(
            CertificateSigningRequest(derEncoded: try key.signingRequest()), for: own.member,
            addresses: CertificateAuthority.octets(of: [
                membership.advertiseAddress.address, membership.dataPathAddress,
            ]),
            lifetime: expiry > 0 ? Double(expiry) / 1e9 : CertificateAuthority.nodeLifetime, now: now)
        let new = try NodeCredentials(key: key, certificate: certificate, roots: own.roots)
        let files = role.configuration.credentials
        try await onThread { try files.save(new) }
        try role.identity.replace(new)
        role.log.notice(
            "this manager's certificate had expired: renewed", metadata: ["until": "\(certificate.notValidAfter)"])
    }
}
