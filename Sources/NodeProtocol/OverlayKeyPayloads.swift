import Foundation
package import Model
import SwiftProtobuf

extension Wire.OverlayKeys {
    /// What a node is told.
    package init(_ keyring: OverlayKeyring) {
        self.init()
        version = keyring.version
        sending = keyring.sending
        generations = keyring.generations.map { generation in
            .with {
                $0.number = generation.number
                $0.secret = generation.secret.bytes
            }
        }
    }

    /// What a manager tells; when its generations were made it does not.
    /// - Throws: ``NetworkChangesFailure`` for what no manager sends; nothing of it is in the error.
    package func keyring() throws -> OverlayKeyring {
        guard generations.count <= OverlayKeyring.maximumGenerations else {
            throw NetworkChangesFailure(reason: "too many keys")
        }
        var known: [OverlayKeyring.Generation] = []
        for generation in generations {
            guard generation.number > known.last?.number ?? 0, let secret = OverlaySecret(bytes: generation.secret)
            else {
                throw NetworkChangesFailure(reason: "a key without a number or of another length")
            }
            known.append(
                OverlayKeyring.Generation(number: generation.number, secret: secret, createdAt: .zero, removals: 0))
        }
        guard known.isEmpty || known.contains(where: { $0.number == sending }) else {
            throw NetworkChangesFailure(reason: "keys of which none is to be sent with")
        }
        return OverlayKeyring(version: version, generations: known, sending: sending)
    }
}
