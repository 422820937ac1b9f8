/// Why an answer is not there.
package enum DockerError: Error, Sendable, Equatable {
    /// The engine refused: its status and message.
    case refused(status: Int, message: String)
    /// Nobody answers at the endpoint.
    case unreachable(String)
    /// Found out on this side.
    case local(String)

    /// Of HTTP; `nil` where the engine did not answer.
    package var status: Int? {
        if case .refused(let status, _) = self { return status }
        return nil
    }

    /// The engine knows no such thing.
    package var isNotFound: Bool { status == 404 }
}

extension DockerError: CustomStringConvertible {
    /// In the words of Docker's command line.
    package var description: String {
        switch self {
        case .refused(_, let message): "Error response from daemon: \(message)"
        case .unreachable(let endpoint):
            "Cannot connect to the Docker daemon at \(endpoint). Is the docker daemon running?"
        case .local(let message): message
        }
    }
}
