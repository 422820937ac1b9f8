/// How property names and wire names correspond. Source: the field names of the Engine API definition, version 1.50.
package enum WireSpelling {
    /// First words that are written in capitals on the wire, longest first.
    static let acronyms = ["ipam", "dns", "tls", "url", "vip", "ca", "id", "ip"]

    /// Pairs that the rule does not give: property, wire name.
    static let irregular: [(swift: String, wire: String)] = [
        ("identifier", "Id"),
        ("nameServers", "Dns"),
        ("nameServerOptions", "DnsOptions"),
        ("nameSearch", "DnsSearch"),
        ("outOfMemoryKilled", "OOMKilled"),
        ("utsMode", "UTSMode"),
        ("processID", "PID"),
        ("terminal", "TTY"),
        ("system", "OS"),
        ("systemVersion", "OSVersion"),
        ("systemType", "OSType"),
        ("cpuShareLimits", "CPUShares"),
        ("cpuSets", "CPUSet"),
        ("runtimePath", "path"),
        ("cdiSpecDirs", "CDISpecDirs"),
    ]

    /// Spellings that are read as well: the definition of the API has them where Docker's own programs have another.
    private static let alsoRead = ["HealthCheck": "healthcheck"]

    private static let wireBySwift = Dictionary(irregular.map { ($0.swift, $0.wire) }) { $1 }
    private static let swiftByWire = Dictionary(irregular.map { ($0.wire, $0.swift) }) { $1 }

    /// `networkID` → `NetworkID`, `ipamConfig` → `IPAMConfig`.
    package static func onWire(_ name: String) -> String {
        if let wire = wireBySwift[name] { return wire }
        for acronym in acronyms where name.hasPrefix(acronym) {
            let rest = name.dropFirst(acronym.count)
            if rest.isEmpty || rest.first?.isUppercase == true { return acronym.uppercased() + rest }
        }
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    /// `NetworkID` → `networkID`, `IPAMConfig` → `ipamConfig`.
    package static func inSwift(_ name: String) -> String {
        if let swift = swiftByWire[name] ?? alsoRead[name] { return swift }
        for acronym in acronyms {
            let capitals = acronym.uppercased()
            guard name.hasPrefix(capitals) else { continue }
            let rest = name.dropFirst(capitals.count)
            if rest.isEmpty || rest.first?.isUppercase == true { return acronym + rest }
        }
        return name.prefix(1).lowercased() + name.dropFirst()
    }
}
