import Foundation
package import Model

/// The JSON in the header `X-Docker-Container-Path-Stat`, which carries it in base 64.
package struct PathStatAnswer: Encodable, Sendable {
    package static let headerName = "X-Docker-Container-Path-Stat"

    private let name: String
    private let size: Int64
    private let mode: UInt32
    private let mtime: Timestamp
    private let linkTarget: String

    package init(_ status: PathStatus) {
        linkTarget = status.linkTarget
        mode = status.mode.number
        mtime = status.modified
        name = status.name
        size = status.size
    }

    package var headerValue: String { get throws { try WireJSON.encodeVerbatim(self).base64EncodedString() } }
}
