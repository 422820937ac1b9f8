import CArchive
import CDashboardAssets
import Crypto
import Foundation
package import NIOCore

/// A file of the page, ready to be sent.
package struct PageFile: Sendable {
    package let name: String
    /// As `Content-Type` says it.
    package let type: String
    package let bytes: ByteBuffer
    package let compressed: ByteBuffer?
    /// With quotes.
    package let tag: String
}

/// The files of the page, which are part of the program: nothing is read from the disk.
package enum PageFiles {
    /// By name. Compressed at the first use, once.
    package static let all: [String: PageFile] = {
        var files: [String: PageFile] = [:]
        for index in 0..<dashboard_file_count() {
            let file = dashboard_file(index)
            let name = String(cString: file.name)
            let bytes = ByteBuffer(bytes: UnsafeBufferPointer(start: file.bytes, count: file.count))
            let digest = SHA256.hash(data: Array(bytes.readableBytesView)).prefix(12)
            files[name] = PageFile(
                name: name, type: type(of: name), bytes: bytes, compressed: Gzip.compress(bytes),
                tag: "\"" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\"")
        }
        return files
    }()

    private static func type(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "html": "text/html; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "text/plain; charset=utf-8"
        }
    }
}

/// gzip by libarchive, which the program has for images' layers.
enum Gzip {
    /// Not worth it below this.
    private static let least = 512

    /// - Returns: `nil` for what is short or does not get smaller.
    static func compress(_ bytes: ByteBuffer) -> ByteBuffer? {
        guard bytes.readableBytes >= least, let writer = archive_write_new() else { return nil }
        defer { archive_write_free(writer) }
        var result = [UInt8](repeating: 0, count: bytes.readableBytes + 64)
        var used = 0
        let isWhole = result.withUnsafeMutableBytes { result -> Bool in
            guard archive_write_set_format_raw(writer) == ARCHIVE_OK,
                archive_write_add_filter_gzip(writer) == ARCHIVE_OK,
                archive_write_set_bytes_per_block(writer, 0) == ARCHIVE_OK,
                archive_write_open_memory(writer, result.baseAddress, result.count, &used) == ARCHIVE_OK,
                let entry = archive_entry_new()
            else { return false }
            defer { archive_entry_free(entry) }
            archive_entry_set_filetype(entry, 0o100000)
            guard archive_write_header(writer, entry) == ARCHIVE_OK else { return false }
            let written = bytes.withUnsafeReadableBytes { archive_write_data(writer, $0.baseAddress, $0.count) }
            return written == bytes.readableBytes && archive_write_close(writer) == ARCHIVE_OK
        }
        guard isWhole, used > 0, used < bytes.readableBytes else { return nil }
        return ByteBuffer(bytes: result.prefix(used))
    }
}
