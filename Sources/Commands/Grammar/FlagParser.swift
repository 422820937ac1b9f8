import Templates

/// The arguments of a command line after its command: flags with their values, and the rest.
package struct ParsedFlags: Sendable {
    /// By the flags' long names, in the order given.
    package var values: [String: [String]] = [:]
    package var rest: [String] = []
    let declared: Set<String>

    /// Whether the flag was given.
    package func has(_ name: String) -> Bool {
        assert(declared.contains(name), "--\(name) is not in the help")
        return values[name] != nil
    }

    /// The last value given.
    package func string(_ name: String) -> String? {
        assert(declared.contains(name), "--\(name) is not in the help")
        return values[name]?.last
    }

    /// All values given, in order.
    package func list(_ name: String) -> [String] {
        assert(declared.contains(name), "--\(name) is not in the help")
        return values[name] ?? []
    }

    /// Of a switch: what was said last.
    package func isSet(_ name: String, default standard: Bool = false) -> Bool {
        string(name).flatMap(Numbers.bool) ?? standard
    }

    /// `nil` for a flag that was not given.
    package func integer(_ name: String) -> Int64? { string(name).flatMap(GoText.integer) }
}

/// Takes a command line apart as Docker's does: `--name value`, `--name=value`, `-x value`, `-xvalue`, `-abc`; `--` ends
/// the flags.
package struct FlagParser {
    let flags: [CommandFlag]
    /// Whether flags end at the first argument that is none, as where a command for a container follows.
    let stopsAtArgument: Bool
    let check: @Sendable (CommandFlag, String) throws -> Void

    package init(
        _ flags: [CommandFlag], stopsAtArgument: Bool = false,
        check: @escaping @Sendable (CommandFlag, String) throws -> Void = { try FlagTypes.check($0, $1) }
    ) {
        self.flags = flags
        self.stopsAtArgument = stopsAtArgument
        self.check = check
    }

    /// - Throws: In Docker's words: an unknown flag, a missing value, or one that is not of the flag's type.
    package func parse(_ arguments: [String]) throws(UsageError) -> ParsedFlags {
        var parsed = ParsedFlags(declared: Set(flags.map(\.name)))
        var arguments = arguments[...]
        while let argument = arguments.popFirst() {
            if argument == "--" {
                parsed.rest += arguments
                break
            } else if argument.hasPrefix("--") {
                try parseLong(argument, &arguments, &parsed)
            } else if argument.hasPrefix("-"), argument.count > 1 {
                try parseShort(argument, &arguments, &parsed)
            } else {
                parsed.rest.append(argument)
                if stopsAtArgument {
                    parsed.rest += arguments
                    break
                }
            }
        }
        return parsed
    }

    private func parseLong(_ argument: String, _ arguments: inout ArraySlice<String>, _ parsed: inout ParsedFlags)
        throws(UsageError)
    {
        let body = argument.dropFirst(2)
        let equals = body.firstIndex(of: "=")
        let name = equals.map { body[..<$0] } ?? body
        guard !name.isEmpty, !name.hasPrefix("-") else { throw UsageError("bad flag syntax: \(argument)") }
        guard let flag = flags.first(where: { $0.name == name }) else { throw UsageError("unknown flag: --\(name)") }
        if let equals {
            try store(flag, String(body[body.index(after: equals)...]), &parsed)
        } else if flag.isSwitch {
            try store(flag, "true", &parsed)
        } else if let value = arguments.popFirst() {
            try store(flag, value, &parsed)
        } else {
            throw UsageError("flag needs an argument: --\(name)")
        }
    }

    private func parseShort(_ argument: String, _ arguments: inout ArraySlice<String>, _ parsed: inout ParsedFlags)
        throws(UsageError)
    {
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
            guard let flag = flags.first(where: { $0.short == letter }) else {
                // `-h` asks for help wherever it means nothing else.
                if letter == "h", flags.contains(where: { $0.name == "help" }) {
                    parsed.values["help"] = ["true"]
                    continue
                }
                throw UsageError("unknown shorthand flag: '\(letter)' in -\(letter)\(letters)")
            }
            // `-x=` by itself gives the sign, as it does in Docker.
            if letters.hasPrefix("="), letters.count > 1 {
                try store(flag, String(letters.dropFirst()), &parsed)
                return
            }
            if flag.isSwitch {
                try store(flag, "true", &parsed)
                continue
            }
            if !letters.isEmpty {
                try store(flag, String(letters), &parsed)
            } else if let value = arguments.popFirst() {
                try store(flag, value, &parsed)
            } else {
                throw UsageError("flag needs an argument: '\(letter)' in -\(letter)")
            }
            return
        }
    }

    private func store(_ flag: CommandFlag, _ value: String, _ parsed: inout ParsedFlags) throws(UsageError) {
        do { try check(flag, value) } catch {
            throw UsageError("invalid argument \(GoText.quoted(value)) for \"\(flag.display)\" flag: \(error)")
        }
        if flag.type == "strings" {
            parsed.values[flag.name, default: []] += GoText.commaSeparated(value)
        } else {
            parsed.values[flag.name, default: []].append(value)
        }
    }
}
