/// The answer of `runc state ID` (runtime-spec, runtime.md).
package struct RuntimeState: Codable, Sendable, Equatable {
    package enum Status: String, Codable, Sendable { case creating, created, running, stopped, paused }

    package var ociVersion: String
    package var id: String
    package var status: Status
    /// 0 when there is none.
    package var pid: Int32?
    package var bundle: String
    package var annotations: [String: String]?
}
