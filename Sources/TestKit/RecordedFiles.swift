package import Foundation
import LinuxSystem

/// What earlier versions have stored and sent, as files of the repository: `Tests/Fixtures`.
package enum RecordedFiles {
    package static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Tests/Fixtures").path

    /// Set to record: tests then write what the present code makes, for what has no file yet.
    package static let isRecording = ProcessInfo.processInfo.environment["APUS_WRITE_FIXTURES"] == "1"

    /// - Parameter path: Relative to ``directory``.
    package static func data(_ path: String) throws -> Data {
        guard let bytes = try Files.read("\(directory)/\(path)") else {
            throw Unmet(description: "Tests/Fixtures/\(path) is missing")
        }
        return Data(bytes)
    }

    /// While recording, writes a file that is not there; never changes one.
    package static func record(_ data: Data, _ path: String) throws {
        let file = "\(directory)/\(path)"
        guard isRecording, !Files.exists(file) else { return }
        try Files.makeDirectories(Files.parent(of: file))
        try Files.writeAtomically(Array(data), to: file, mode: 0o644)
    }
}
