import Glibc

/// A place inside a layer, taken from an archive: no part of it can lead out.
struct LayerPath: Hashable {
    /// Without `.`, `..` and empty ones; none for the layer's root.
    let components: [[UInt8]]

    /// As Docker reads names of archives (moby, `pkg/archive`): an absolute one begins at the layer's root, and `..` takes the part before it
    /// away, by the text alone.
    /// - Throws: `refusedEntry` for a path that leads out of the layer.
    init(_ bytes: [UInt8]) throws {
        if bytes.count >= Int(PATH_MAX) { throw LayerPath.refusal(Array(bytes.prefix(200)), "is too long") }
        let isAbsolute = bytes.first == UInt8(ascii: "/")
        var parts: [[UInt8]] = []
        for part in bytes.split(separator: UInt8(ascii: "/")).map(Array.init) where part != Array(".".utf8) {
            guard part == Array("..".utf8) else {
                parts.append(part)
                continue
            }
            // As everywhere, what is above `/` is `/`.
            if parts.popLast() == nil, !isAbsolute { throw LayerPath.refusal(bytes, "leads out of the image") }
        }
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
