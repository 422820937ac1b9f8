import Glibc
import NIOCore
import NIOPosix
import NIOSSL
import PeerNames

/// Why a receiver cannot be reached, or has broken off. Read by people, in inspect and events.
package struct TransportError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// The same in the kernel's words, where it was the kernel.
    package init(_ error: any Error) {
        switch error {
        case let error as TransportError: self = error
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                let reason = TransportError(first.error).description
                self.init("\(AddressOption.joined(error.host, error.port)): \(reason)")
            } else {
                self.init("\(error.host): no such host")
            }
        case let error as IOError: self.init(String(cString: strerror(error.errnoCode)).lowercased())
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self.init("the receiver's certificate is for another name")
        case let error as PeerNameError:
            self.init(
                error == .noCertificate
                    ? "the receiver has shown no certificate" : "the receiver's certificate is for another name")
        case NIOSSLError.handshakeFailed(let reason) where "\(reason)".contains("CERTIFICATE_VERIFY_FAILED"):
            self.init("the receiver's certificate is signed by nobody who is trusted, or not valid now")
        case ChannelError.connectTimeout: self.init("no connection within 3 seconds")
        case is ChannelError: self.init("the connection is closed")
        default: self.init("\(error)")
        }
    }
}
