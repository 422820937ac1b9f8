import CArchive
import Glibc
import LinuxSystem
import OCI

/// Packs a layer's archive with gzip for its way to a registry. The same archive always gives the same bytes.
enum LayerCompression {
    private static let pieceBytes = 256 << 10

    private final class Output {
        let writer: BlobWriter
        var digester = Digester()
        var size: Int64 = 0
        var failure: (any Error)?

        init(_ writer: BlobWriter) { self.writer = writer }

        func take(_ bytes: UnsafeRawBufferPointer) -> Int {
            do {
                try writer.append(Array(bytes))
                digester.update(bytes)
                size += Int64(clamping: bytes.count)
                return bytes.count
            } catch {
                failure = error
                return -1
            }
        }
    }

    /// Packs a plain blob of the store into another one, which the caller commits. Blocks.
    /// - Throws: ``ImagesError`` `damaged` when the blob is not what it should be.
    static func gzip(_ blob: ContentDescriptor, in content: ContentStore, stop: StopFlag) throws -> (
        blob: ContentDescriptor, writer: BlobWriter
    ) {
        let reader = try BlobReader(content.path(blob.digest), digest: blob.digest, size: blob.size)
        let output = Output(try BlobWriter(in: content))
        guard let archive = archive_write_new(), let entry = archive_entry_new() else {
            throw SystemError(errno: ENOMEM, attempting: "pack a layer")
        }
        defer {
            archive_entry_free(entry)
            archive_write_free(archive)
        }
        func demand(_ result: Int) throws {
            if let failure = output.failure { throw failure }
            guard result >= 0 else {
                throw ImagesError(
                    .damaged, "a layer cannot be packed: \(String(cString: archive_error_string(archive)))")
            }
        }
        try demand(Int(clamping: archive_write_add_filter_gzip(archive)))
        // Without it the time of packing is part of the result.
        try demand(Int(clamping: archive_write_set_filter_option(archive, "gzip", "timestamp", nil)))
        try demand(Int(clamping: archive_write_set_format_raw(archive)))
        try demand(
            Int(
                clamping: archive_write_open(
                    archive, Unmanaged.passUnretained(output).toOpaque(), nil,
                    { _, output, bytes, count in
                        guard let output else { return -1 }
                        return Unmanaged<Output>.fromOpaque(output).takeUnretainedValue()
                            .take(UnsafeRawBufferPointer(start: bytes, count: count))
                    }, nil)))
        archive_entry_set_pathname(entry, "layer")
        archive_entry_set_filetype(entry, S_IFREG)
        try demand(Int(clamping: archive_write_header(archive, entry)))
        while let piece = try reader.next(pieceBytes) {
            if stop.isSet { throw CancellationError() }
            try demand(piece.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) })
        }
        try demand(Int(clamping: archive_write_close(archive)))
        let digest = output.digester.finish()
        return (
            ContentDescriptor(mediaType: MediaType.ociLayerGzip, digest: digest, size: output.size), output.writer
        )
    }
}
