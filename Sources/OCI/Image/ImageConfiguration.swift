/// An image's configuration document, whose digest is the image's id (image-spec, config.md, and what Docker adds).
package struct ImageConfiguration: Codable, Sendable, Equatable {
    /// RFC 3339.
    package var created: String?
    package var author: String?
    package var architecture: String
    package var os: String
    package var variant: String?
    package var config: Defaults?
    package var rootFileSystem: RootFileSystem
    package var history: [History]?
    package var comment: String?
    package var container: String?
    package var dockerVersion: String?

    private enum CodingKeys: String, CodingKey {
        case created, author, architecture, os, variant, config, history, comment, container
        case rootFileSystem = "rootfs"
        case dockerVersion = "docker_version"
    }

    package init(architecture: String, os: String, rootFileSystem: RootFileSystem) {
        self.architecture = architecture
        self.os = os
        self.rootFileSystem = rootFileSystem
    }

    /// Tools that make images without a build leave it out; Docker takes such an image for one of its own machine.
    package var platform: Platform {
        Platform(
            os: os.isEmpty ? Platform.host.os : os,
            architecture: architecture.isEmpty ? Platform.host.architecture : architecture, variant: variant)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        created = try container.decodeIfPresent(String.self, forKey: .created)
        author = try container.decodeIfPresent(String.self, forKey: .author)
        architecture = try container.decodeIfPresent(String.self, forKey: .architecture) ?? ""
        os = try container.decodeIfPresent(String.self, forKey: .os) ?? ""
        variant = try container.decodeIfPresent(String.self, forKey: .variant)
        config = try container.decodeIfPresent(Defaults.self, forKey: .config)
        rootFileSystem = try container.decode(RootFileSystem.self, forKey: .rootFileSystem)
        history = try container.decodeIfPresent([History].self, forKey: .history)
        comment = try container.decodeIfPresent(String.self, forKey: .comment)
        self.container = try container.decodeIfPresent(String.self, forKey: .container)
        dockerVersion = try container.decodeIfPresent(String.self, forKey: .dockerVersion)
    }

    /// Digests of the layers' uncompressed archives, lowest first.
    package struct RootFileSystem: Codable, Sendable, Equatable {
        package var type: String
        package var diffIDs: [Digest]

        private enum CodingKeys: String, CodingKey {
            case type
            case diffIDs = "diff_ids"
        }

        package init(diffIDs: [Digest]) {
            type = "layers"
            self.diffIDs = diffIDs
        }

        package init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(String.self, forKey: .type)
            // Docker writes null for an image without layers.
            diffIDs = try container.decodeIfPresent([Digest].self, forKey: .diffIDs) ?? []
        }

        /// Name of each layer with all those below it: the first is its own digest, the others the digest of the
        /// text `CHAIN-ID DIFF-ID` (image-spec, config.md, "Layer ChainID").
        package var chainIDs: [Digest] {
            var chain: [Digest] = []
            for diff in diffIDs {
                chain.append(chain.last.map { Digest(of: "\($0) \(diff)".utf8) } ?? diff)
            }
            return chain
        }
    }

    /// One step of the image's making.
    package struct History: Codable, Sendable, Equatable {
        package var created: String?
        /// The instruction, as `docker history` shows it.
        package var createdBy: String?
        package var author: String?
        package var comment: String?
        /// The step has no layer of its own: `history` is longer than `diff_ids` by these.
        package var emptyLayer: Bool?

        private enum CodingKeys: String, CodingKey {
            case created, author, comment
            case createdBy = "created_by"
            case emptyLayer = "empty_layer"
        }

        package init(created: String? = nil, createdBy: String? = nil) {
            self.created = created
            self.createdBy = createdBy
        }
    }

    /// What a container of the image runs unless told otherwise; keys are spelled as in Docker's API.
    package struct Defaults: Codable, Sendable, Equatable {
        /// `USER[:GROUP]`, each a name or a number; root when it is missing or empty.
        package var user: String?
        /// Keys as in `80/tcp`.
        package var exposedPorts: [String: Empty]?
        /// `NAME=VALUE`.
        package var env: [String]?
        package var entrypoint: [String]?
        package var cmd: [String]?
        /// Keys are paths in the container; each gets a volume unless something is mounted there.
        package var volumes: [String: Empty]?
        package var workingDirectory: String?
        /// By their names.
        package var labels: [String: String]?
        package var stopSignal: String?
        /// Seconds.
        package var stopTimeout: Int?
        /// What the shell form of a health check is run with.
        package var shell: [String]?
        package var onBuild: [String]?
        package var healthCheck: HealthCheck?
        package var tty: Bool?
        package var openStdin: Bool?

        private enum CodingKeys: String, CodingKey {
            case user = "User"
            case exposedPorts = "ExposedPorts"
            case env = "Env"
            case entrypoint = "Entrypoint"
            case cmd = "Cmd"
            case volumes = "Volumes"
            case workingDirectory = "WorkingDir"
            case labels = "Labels"
            case stopSignal = "StopSignal"
            case stopTimeout = "StopTimeout"
            case shell = "Shell"
            case onBuild = "OnBuild"
            case healthCheck = "Healthcheck"
            case tty = "Tty"
            case openStdin = "OpenStdin"
        }

        package init() {}
    }

    /// Durations in nanoseconds.
    package struct HealthCheck: Codable, Sendable, Equatable {
        /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", "…"]`; empty inherits.
        package var test: [String]?
        /// From the end of one probe to the next. 0 and missing mean Docker's default, here and below.
        package var interval: Int64?
        /// A probe that takes longer has failed.
        package var timeout: Int64?
        /// In it failures do not count.
        package var startPeriod: Int64?
        /// The interval within the start period.
        package var startInterval: Int64?
        /// Failures in a row that make the container unhealthy.
        package var retries: Int?

        private enum CodingKeys: String, CodingKey {
            case test = "Test"
            case interval = "Interval"
            case timeout = "Timeout"
            case startPeriod = "StartPeriod"
            case startInterval = "StartInterval"
            case retries = "Retries"
        }
    }

    /// An object without members, `{}`: what Go's `struct{}` is in JSON, as value of a set's elements.
    package struct Empty: Codable, Sendable, Equatable {
        package init() {}
    }
}
