import Faults

/// What a client reads of an error: Docker's sentences, in one table a resource beside this file.
///
/// Those ask who hand a text to a reader: the HTTP edge, the gRPC edge, and what keeps a text for later (a container's `State.Error`, a
/// task's `Err`, a health check's output). Whoever throws does not.
package enum DockerMessage {
    /// The sentence for whatever was thrown. An error without a sentence has a text of its own, such as the kernel's or a registry's.
    package static func text(of error: any Error) -> String { sentence(for: error) ?? "\(error)" }

    /// Docker's sentence; `nil` for what is no case of the domain's, as an error of the kernel.
    package static func sentence(for error: any Error) -> String? { (error as? any MessageConvertible)?.message }
}

/// An error, or what an error says more closely, that has a sentence.
protocol MessageConvertible {
    var message: String { get }
}

extension Cause: MessageConvertible {
    var message: String { DockerMessage.text(of: error) }
}

extension FaultList: MessageConvertible {
    var message: String { faults.map(DockerMessage.text).joined(separator: "; ") }
}
