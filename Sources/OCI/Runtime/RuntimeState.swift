/// The answer of `runc state ID` (runtime-spec, runtime.md).
package struct RuntimeState: Codable, Sendable, Equatable {
    /// How far the container has come; `created` waits for `start`.
    package enum Status: String, Codable, Sendable { case creating, created, running, stopped, paused }

    package var ociVersion: String
    package var id: String
    package var status: Status
    /// 0 when there is none.
    package var pid: Int32?
    package var bundle: String
    /// Those of the bundle's configuration.
    package var annotations: [String: String]?
}
