import Foundation

/// Credentials from the `X-Registry-Auth` header.
package struct RegistryCredentials: Codable, Sendable, Equatable {
    package var username: String?
    package var password: String?
    package var auth: String?
    package var identitytoken: String?
    /// The registry that they are for.
    package var serveraddress: String?
    package var registrytoken: String?
    package init() {}
}

extension RegistryCredentials {
    /// What a header `X-Registry-Auth` says; `nil` when it is empty or not to be understood, as Docker has it.
    package init?(header: String) {
        guard !header.isEmpty else { return nil }
        var text = header.replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        // Docker takes credentials that it cannot read for none at all.
        guard let data = Data(base64Encoded: text), let read = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = read
    }

    /// Whether there is any secret among them: clients send credentials without one for nobody in particular.
    package var haveSecret: Bool {
        [password, auth, identitytoken, registrytoken].contains { $0?.isEmpty == false }
    }
}
