import Foundation
import Glibc
import LinuxSystem
import OCI

@testable import Images

/// Documents and archives of images, from registries and from users. Archives are unpacked into a directory of memory that only this process
/// sees: `Fuzz/run` mounts it.
enum Archives {
    static let root = getenv("APUS_FUZZ_ROOT").map { String(cString: $0) } ?? "/mnt"

    static func documents(_ input: [UInt8]) {
        let (kind, rest) = input.choice(of: 7)
        let bytes = Array(rest)
        switch kind {
        case 0:
            if case .index(let index)? = try? RegistryDocument(bytes, mediaType: nil) { _ = index.manifest(for: .host) }
        case 1:
            if let configuration: ImageConfiguration = try? OCIDocument.decode(bytes) {
                _ = configuration.rootFileSystem.chainIDs
                _ = try? OCIDocument.encode(configuration)
            }
        case 2: if let saved: [SavedImage] = try? OCIDocument.decode(bytes) { _ = try? OCIDocument.encode(saved) }
        case 3: _ = AuthenticationChallenge(bytes.text)
        case 4: if let state: RuntimeState = try? OCIDocument.decode(bytes) { _ = state.status }
        case 5: if let seccomp: RuntimeSeccomp = try? OCIDocument.decode(bytes) { _ = try? OCIDocument.encode(seccomp) }
        default: _ = try? RegistryDocument(bytes, mediaType: MediaType.dockerManifest)
        }
    }

    /// With the sums in the headers made right, or no change to a header would be seen as one.
    static func tar(_ input: [UInt8]) -> [UInt8] {
        var bytes = input
        var place = 0
        while place + 512 <= bytes.count {
            bytes.replaceSubrange(place + 148..<place + 156, with: repeatElement(0x20, count: 8))
            let sum = bytes[place..<place + 512].reduce(0) { $0 + Int($1) }
            let text = String(sum, radix: 8)
            bytes.replaceSubrange(
                place + 148..<place + 156,
                with: Array((String(repeating: "0", count: 6 - text.count) + text).utf8) + [0, 0x20])
            let size =
                Int(
                    String(decoding: bytes[place + 124..<place + 135].filter { $0 != 0 && $0 != 0x20 }, as: UTF8.self),
                    radix: 8) ?? 0
            place += 512 + (min(max(0, size), bytes.count) + 511) / 512 * 512
        }
        return bytes
    }

    private static func inDirectory(_ input: [UInt8], _ body: (_ archive: String, _ directory: String) throws -> Void) {
        let directory = root + "/tree"
        let archive = root + "/archive"
        do {
            try? Files.removeTree(directory)
            try Files.makeDirectories(directory)
            try Descriptor.open(archive, O_WRONLY | O_CREAT | O_TRUNC).writeAll(input)
            try body(archive, directory)
        } catch {}
    }

    /// So that an input takes moments.
    private static let bound = UnpackingBound(total: 16 << 20, free: 1 << 20)

    static func layer(_ input: [UInt8]) {
        inDirectory(tar(input)) { archive, directory in
            let unpacker = try LayerUnpacker(into: directory)
            let reader = try LayerArchive(archive, bound: bound)
            try unpacker.unpack(reader)
            _ = try reader.finish()
        }
    }

    static func tree(_ input: [UInt8]) {
        inDirectory(tar(input)) { archive, directory in
            let file = try Descriptor.open(archive, O_RDONLY)
            try TreeReader(input: file, into: try RootedDirectory(directory), at: "/", TreeReader.Options()).unpack()
        }
    }

    static func archive(_ input: [UInt8]) {
        inDirectory(tar(input)) { archive, directory in
            let content = try ContentStore(root: directory)
            try content.prepare()
            let contents = try ArchiveContents(archive, in: content, bound: bound, stop: StopFlag())
            _ = try ArchivedImage.all(in: contents, platform: .host)
        }
    }
}
