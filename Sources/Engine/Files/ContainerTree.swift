import CLinux
import Glibc
import LinuxSystem
import Model

/// A container's files as one tree on the host: its root file system, and its volumes and binds where the container has them, in a mount
/// namespace that ends with the thread. So a path leads where it leads in the container, running or not, and nothing of the host's is in
/// it but what the container has.
struct ContainerTree: Sendable {
    struct Place: Sendable, Equatable {
        var source: String
        var target: String
        var isReadOnly: Bool
        var details = ContainerRecord.MountDetails()
    }

    /// The mounted root file system.
    let root: String
    let places: [Place]

    /// The container's root is not mounted: it does not run any more.
    struct NotMounted: Error {}

    /// - Parameter withPlaces: Also volumes, binds and the files that the engine gives; the root alone otherwise.
    init(root: String, record: ContainerRecord, files: String, withPlaces: Bool = true) {
        self.root = root
        guard withPlaces else {
            places = []
            return
        }
        // tmpfs mounts are the container's own: nothing of them is to be had from outside.
        let own = record.mounts.filter { $0.type != "tmpfs" && !$0.source.isEmpty }.map {
            Place(
                source: $0.source, target: $0.destination, isReadOnly: !$0.rw, details: record.details(of: $0))
        }
        let given = [("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname"), ("hosts", "/etc/hosts")]
            .filter { given in !own.contains { $0.target == given.1 } }
            .map { Place(source: "\(files)/\($0.0)", target: $0.1, isReadOnly: false) }
        // Outer ones before those in them.
        places = (own + given).sorted { Self.depth($0.target) < Self.depth($1.target) }
    }

    private static func depth(_ path: String) -> Int { path.count { $0 == "/" } }

    /// Puts the tree together for the calling thread, which must end afterwards. Directories and files to mount on are made where they
    /// are missing, as a start of the container does.
    /// - Throws: ``NotMounted``.
    func assemble() throws -> RootedDirectory {
        discardThread()
        try check(clinux_unshare(clinux_clone_newns), "unshare mount namespace")
        try Mounts.setPropagation(.private, of: "/")
        guard Mounts.isMountPoint(root) else { throw NotMounted() }
        let tree = try RootedDirectory(root)
        for place in places {
            guard Files.exists(place.source), let source = try Self.source(of: place) else { continue }
            if try source.status().st_mode & S_IFMT == S_IFDIR {
                try tree.makeDirectories(place.target)
            } else {
                try tree.makeFile(place.target)
            }
            guard let target = try tree.naming(place.target) else { continue }
            try Mounts.bind(source.path, to: target.path, recursive: !place.details.isShallow)
            // Looked up anew, the path leads to what is mounted there now.
            if place.isReadOnly, let mounted = try tree.naming(place.target) {
                try Mounts.remountReadOnly(mounted.path, recursive: !place.details.leavesSubmountsWritable)
            }
        }
        return tree
    }

    /// What is to be seen at a place: a part of a volume is looked up within it.
    private static func source(of place: Place) throws -> Descriptor? {
        guard let subpath = place.details.subpath else { return try Descriptor.naming(place.source) }
        return try RootedDirectory(place.source).naming(subpath)
    }
}

/// A path that a client names in a container. Pure.
struct ContainerPath: Equatable {
    /// Absolute, without `.` and `..`.
    let path: String
    /// It ends with `/` or `/.`: a symbolic link at its end is followed.
    let followsLast: Bool
    /// The last part as names in an archive begin: `.` for a path that ends so, empty for the root.
    let base: String

    init(_ text: String) {
        path = MountPlan.clean(text)
        let endsWithDot = text == "." || text.hasSuffix("/.")
        followsLast = endsWithDot || text.hasSuffix("/") || path == "/"
        base = endsWithDot ? "." : path == "/" ? "" : Files.name(of: path)
    }

    var name: String { base.isEmpty ? "/" : base }
    var parent: String { Files.parent(of: path) }
}
