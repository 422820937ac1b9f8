import EngineInterface
import LinuxSystem

/// A link as `--link` takes it: `NAME:ALIAS`, `NAME`, or as inspect shows it, `/NAME:/OTHER/ALIAS`. Pure.
struct LinkText: Equatable {
    let name: String
    let alias: String

    /// - Throws: ``EndpointOptionError`` for what is no link.
    init(_ text: String) throws(EndpointOptionError) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !first.isEmpty else {
            throw .emptyLink
        }
        guard parts.count <= 2, parts.last?.isEmpty == false else {
            throw .invalidLink(text)
        }
        name = first.hasPrefix("/") ? String(first.dropFirst()) : first
        alias = parts.dropFirst().first.map { Files.name(of: $0) } ?? name
    }
}
