package import Model

/// What a receiver is told of the container that lines come from; as it was when it was started.
package struct LogOrigin: Codable, Sendable, Equatable {
    /// 64 hexadecimal digits.
    package var id: String
    /// Without Docker's slash.
    package var name: String
    /// The program; empty where the image and the user name none.
    package var entrypoint: String
    package var arguments: [String]
    /// With `sha256:`.
    package var imageID: String
    /// As the user named it.
    package var imageName: String
    package var created: Timestamp
    /// `NAME=VALUE`.
    package var environment: [String]
    package var labels: [String: String]
    /// The file that conmon writes, as inspect shows it.
    package var logPath: String

    package init(
        id: String, name: String, entrypoint: String = "", arguments: [String] = [], imageID: String = "",
        imageName: String = "", created: Timestamp, environment: [String] = [], labels: [String: String] = [:],
        logPath: String = ""
    ) {
        self.arguments = arguments
        self.created = created
        self.entrypoint = entrypoint
        self.environment = environment
        self.id = id
        self.imageID = imageID
        self.imageName = imageName
        self.labels = labels
        self.logPath = logPath
        self.name = name
    }

    /// Docker's short form, 12 digits.
    package var shortID: String { String(id.prefix(12)) }

    /// Program and arguments with blanks between, as Docker's `{{.Command}}`.
    package var command: String { ([entrypoint] + arguments).filter { !$0.isEmpty }.joined(separator: " ") }
}

/// What a driver may know of the node, given by the engine.
package struct LogHost: Sendable, Equatable {
    /// The kernel's name of the machine.
    package var name: String
    /// The daemon's, for protocols that tell one.
    package var processID: Int
    /// What tags call `{{.DaemonName}}`.
    package var daemonName: String
    /// The daemon's environment: credentials and regions of cloud services are looked up there. Empty unless the daemon's `main` gives it.
    package var environment: [String: String]

    package init(
        name: String, processID: Int, daemonName: String = "docker", environment: [String: String] = [:]
    ) {
        self.daemonName = daemonName
        self.environment = environment
        self.name = name
        self.processID = processID
    }
}
