/// Operating system and processor, in Go's words: `linux/amd64`, `linux/arm/v7`.
package struct Platform: Codable, Sendable, Hashable, CustomStringConvertible {
    package var architecture: String
    package var os: String
    package var variant: String?

    private enum CodingKeys: String, CodingKey { case architecture, os, variant }

    package init(os: String = "linux", architecture: String, variant: String? = nil) {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    /// `os/architecture`, `os/architecture/variant`, or one of the two alone, which is then one that Go knows; `nil` when it is none of them.
    /// Source: containerd, `platforms.Parse`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { $0.lowercased() }
        guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(Platform.allowed) }) else {
            return nil
        }
        if parts.count >= 2 {
            self.init(
                os: parts[0], architecture: Platform.normal(parts[1]), variant: parts.count == 3 ? parts[2] : nil)
        } else {
            let system = parts[0] == "macos" ? "darwin" : parts[0]
            if Platform.systems.contains(system) {
                self.init(os: system, architecture: Platform.host.architecture)
                return
            }
            let architecture = Platform.normal(parts[0])
            guard Platform.architectures.contains(architecture) else { return nil }
            self.init(architecture: architecture)
        }
    }

    /// Source: Go, `go/build/syslist.go`, as containerd has them in `platforms/database.go`.
    private static let systems: Set<String> = [
        "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
        "openbsd", "plan9", "solaris", "windows", "zos",
    ]
    /// From the same place.
    private static let architectures: Set<String> = [
        "386", "amd64", "amd64p32", "arm", "armbe", "arm64", "arm64be", "loong64", "mips", "mipsle", "mips64",
        "mips64le", "mips64p32", "mips64p32le", "ppc", "ppc64", "ppc64le", "riscv", "riscv64", "s390", "s390x", "sparc",
        "sparc64", "wasm",
    ]

    /// What this program was built for.
    package static var host: Platform {
        #if arch(x86_64)
            Platform(architecture: "amd64")
        #elseif arch(arm64)
            Platform(architecture: "arm64", variant: "v8")
        #else
            #error("which architecture is this in Go's words?")
        #endif
    }

    package var description: String { ([os, architecture] + (variant.map { [$0] } ?? [])).joined(separator: "/") }

    /// Whether an image for this platform runs on `wanted`. Builders other than Docker's write the kernel's name of an architecture, and variants
    /// that every processor of it has.
    package func fits(_ wanted: Platform) -> Bool {
        let (own, wanted) = (normalized, wanted.normalized)
        guard own.os == wanted.os, own.architecture == wanted.architecture else { return false }
        return own.variant == nil || wanted.variant == nil || own.variant == wanted.variant
    }

    /// In Go's words (containerd, `platforms/database.go`), without a variant that is the architecture's only one.
    private var normalized: Platform {
        let architecture = Platform.normal(architecture.lowercased())
        var variant = variant.map { $0.hasPrefix("v") || architecture == "amd64" ? $0 : "v" + $0 }
        if variant == "" || variant == "v" || architecture == "arm64" && variant == "v8"
            || architecture == "amd64" && variant == "v1"
        {
            variant = nil
        }
        return Platform(os: os.lowercased(), architecture: architecture, variant: variant)
    }

    private static func normal(_ architecture: String) -> String {
        switch architecture {
        case "x86_64", "x86-64": "amd64"
        case "aarch64": "arm64"
        case "i386": "386"
        case "armel", "armhf": "arm"
        default: architecture
        }
    }

    private static func allowed(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }
}
