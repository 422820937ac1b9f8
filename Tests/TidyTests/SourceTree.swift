import FoundationEssentials

/// The repository's Swift files and manifest, read as text.
struct SourceTree {
    struct File {
        /// Relative to the repository.
        let path: String
        let lines: [String]

        /// `Sources/NAME/…` and `Tests/NAME/…` belong to target NAME.
        var target: String { String(path.split(separator: "/")[1]) }
        /// Generated, and not to be read by people.
        var isGenerated: Bool { path.hasSuffix(".pb.swift") || path.hasSuffix(".grpc.swift") }
    }

    struct Target {
        let name: String
        /// Targets of this package that it may import.
        let own: [String]
        let isTest: Bool
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    let files: [File]
    /// In the order of the manifest.
    let targets: [Target]

    init() throws {
        let manager = FileManager.default
        var files: [File] = []
        for top in ["Sources", "Tests"] {
            for path in try manager.subpathsOfDirectory(atPath: Self.root + "/" + top) where path.hasSuffix(".swift") {
                let text = try String(contentsOfFile: "\(Self.root)/\(top)/\(path)", encoding: .utf8)
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                files.append(File(path: "\(top)/\(path)", lines: lines))
            }
        }
        self.files = files.sorted { $0.path < $1.path }
        targets = Self.targets(of: try String(contentsOfFile: Self.root + "/Package.swift", encoding: .utf8))
    }

    /// Reads `library("Name", ["Own", …], …)` and its like.
    private static func targets(of manifest: String) -> [Target] {
        let call = #/(library|program|tests)\(\s*"([\w-]+)"(?:,\s*\[([^\]]*)\])?/#
        let bare = #/\.(target|systemLibrary)\(name: "(\w+)"/#
        var found: [(String.Index, Target)] = manifest.matches(of: bare).map {
            ($0.range.lowerBound, Target(name: String($0.2), own: [], isTest: false))
        }
        for match in manifest.matches(of: call) {
            let own = (match.3 ?? "").matches(of: #/"(\w+)"/#).map { String($0.1) }
            let isTest = match.1 == "tests"
            found.append(
                (
                    match.range.lowerBound,
                    Target(name: String(match.2), own: own + (isTest ? ["TestKit"] : []), isTest: isTest)
                ))
        }
        return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
