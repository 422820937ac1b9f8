import Glibc

/// A place inside a layer, taken from an archive: no part of it can lead out.
struct LayerPath: Hashable {
    /// Without `.`, `..` and empty ones; none for the layer's root.
    let components: [[UInt8]]

    /// - Throws: `refusedEntry` for a path that is absolute or has a `..`.
    init(_ bytes: [UInt8]) throws {
        if bytes.first == UInt8(ascii: "/") { throw LayerPath.refusal(bytes, "is absolute") }
        let parts = bytes.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != Array(".".utf8) }
        if parts.contains(Array("..".utf8)) { throw LayerPath.refusal(bytes, "leads out of the image") }
        if bytes.count >= Int(PATH_MAX) { throw LayerPath.refusal(Array(bytes.prefix(200)), "is too long") }
        components = parts
    }

    private init(components: [[UInt8]]) { self.components = components }

    var name: [UInt8] { components.last ?? Array(".".utf8) }
    var parent: LayerPath { LayerPath(components: components.dropLast()) }
    var isRoot: Bool { components.isEmpty }

    /// Each directory above, from the top, without the root.
    var ancestors: [LayerPath] {
        components.indices.dropFirst().map { LayerPath(components: Array(components[..<$0])) }
    }

    /// As system calls take it, with the zero at the end; `.` for the root.
    var cString: [CChar] {
        LayerPath.cString(isRoot ? Array(".".utf8) : Array(components.joined(separator: [UInt8(ascii: "/")])))
    }

    static func cString(_ bytes: [UInt8]) -> [CChar] { bytes.map(CChar.init(bitPattern:)) + [0] }

    static func refusal(_ path: [UInt8], _ why: String) -> ImagesError {
        ImagesError(.refusedEntry, "archive entry \"\(String(decoding: path, as: UTF8.self))\" \(why)")
    }
}
