import Foundation
import GRPCCore
import Model
import NodeProtocol

/// What a node may say of itself and of its tasks. What its honest programs would never send is refused; what they may send at greater length
/// than a manager keeps is cut; times are a manager's own where the node's cannot be.
enum NodeReports {
    static let maximumDescription = 64 << 10
    static let maximumStatus = 64 << 10
    /// Reports of one message; a node sends 200 at the most.
    static let maximumReports = 1000
    static let maximumMessage = 1 << 10
    static let maximumError = 4 << 10
    /// In each list of a description.
    static let maximumEntries = 1024
    static let maximumText = 4 << 10
    /// Name servers; a node's own resolver asks three.
    static let maximumResolvers = 16
    /// Capabilities of a program.
    static let maximumCapabilities = 256
    private static let maximumName = 255
    private static let maximumPorts = 1024

    /// - Throws: `RPCError` with `.invalidArgument`; `RecordError` for a form that is not read here.
    static func description(_ payload: Data) throws -> NodeDescription {
        guard payload.count <= maximumDescription else { throw refusal("a description of \(payload.count) bytes") }
        var description: NodeDescription
        do { description = try Wire.value(NodeDescription.self, payload) } catch let error as RecordError {
            throw error
        } catch {
            throw refusal("what is no description of a node")
        }
        // A manager's to say.
        description.tlsInfo = nil
        let resources = description.resources
        let labels = description.engine.labels ?? [:]
        let texts =
            [description.platform.architecture, description.platform.system, description.engine.engineVersion]
            + description.engine.plugins.flatMap { [$0.type, $0.name] } + labels.keys
            + (resources.genericResources ?? []).flatMap {
                [
                    $0.namedResourceSpec?.kind, $0.namedResourceSpec?.value, $0.discreteResourceSpec?.kind,
                ].compactMap(\.self)
            }
        guard isName(description.hostname) || description.hostname.isEmpty else { throw refusal("no host's name") }
        guard [resources.nanoCPUs, resources.memoryBytes, resources.pids].allSatisfy({ $0 >= 0 }) else {
            throw refusal("less than nothing of a resource")
        }
        guard texts.allSatisfy({ $0.utf8.count <= maximumName && isPrintable($0) }),
            labels.values.allSatisfy({ $0.utf8.count <= maximumText })
        else { throw refusal("texts that are no names") }
        let counts = [labels.count, description.engine.plugins.count, resources.genericResources?.count ?? 0]
        guard counts.allSatisfy({ $0 <= maximumEntries }) else { throw refusal("too many entries") }
        guard description.$routedSubnets.unread.isEmpty else { throw refusal("what is no subnet") }
        guard description.$avoidedSubnets.unread.isEmpty else { throw refusal("what is no subnet") }
        guard description.$resolvers.unread.isEmpty else { throw refusal("what is no name server") }
        // A host may have any number of routes; they are advice, see `SubnetClaims`.
        description.routedSubnets = description.routedSubnets.map { Array($0.prefix(maximumEntries)) }
        description.avoidedSubnets = description.avoidedSubnets.map { Array($0.prefix(maximumEntries)) }
        description.resolvers = description.resolvers.map { Array($0.prefix(maximumResolvers)) }
        if let encryption = description.encryption { description.encryption = try checked(encryption) }
        return description
    }

    private static func checked(_ encryption: NodeEncryption) throws -> NodeEncryption {
        guard encryption.page.map({ NodeEncryption.number(ofPage: $0) != nil }) ?? true,
            encryption.lanes.map({ (1...NodeEncryption.maximumLanes).contains($0) }) ?? true
        else { throw refusal("what is no place for what is encrypted") }
        var encryption = encryption
        encryption.reason = encryption.reason.map { reason in
            isPrintable(reason) ? cut(reason, maximumMessage) : "not said in plain text"
        }
        return encryption
    }

    /// What a node says of the program that it runs; nothing, of one that does not say.
    /// - Throws: `RPCError` with `.invalidArgument`.
    static func program(_ program: Wire.Program) throws -> Wire.Program {
        guard program.capabilities.count <= maximumCapabilities,
            (program.capabilities + [program.version]).allSatisfy({ $0.isEmpty || isName($0) })
        else { throw refusal("what is no program") }
        return program
    }

    /// - Throws: `RPCError` with `.invalidArgument`; `RecordError` for a form that is not read here.
    static func status(_ payload: Data) throws -> TaskStatus {
        guard payload.count <= maximumStatus else { throw refusal("a task's status of \(payload.count) bytes") }
        var status: TaskStatus
        do { status = try Wire.value(TaskStatus.self, payload) } catch let error as RecordError {
            throw error
        } catch {
            throw refusal("what is no status of a task")
        }
        // What comes before is a manager's to say, and so is what comes after.
        guard (TaskState.assigned...TaskState.rejected).contains(status.state) else {
            throw refusal("a task as \(status.state)")
        }
        status.message = status.message.map { cut($0, maximumMessage) }
        status.err = status.err.map { cut($0, maximumError) }
        if let container = status.containerStatus {
            guard container.containerID.isEmpty || isIdentifier(container.containerID),
                Int32(exactly: container.exitCode) != nil, Int32(exactly: container.processID) != nil
            else { throw refusal("what is no container") }
            if let name = container.name, !isName(name) { throw refusal("what is no container's name") }
        }
        // What is not believed is left out: the rest of the report, and the other tasks of it, are about something else.
        if let chosen = status.chosenAddresses, !ChosenAddressRules.isWellFormed(chosen) {
            status.chosenAddresses = nil
        }
        for port in status.portStatus?.ports ?? [] { try check(port) }
        guard status.portStatus?.ports?.count ?? 0 <= maximumPorts else { throw refusal("too many ports") }
        return status
    }

    /// A status as it is stored: a state is reached neither after now nor before the one that was reached last.
    static func settled(_ status: TaskStatus, after former: TaskStatus, at now: Timestamp) -> TaskStatus {
        var status = status
        status.chosenAddresses = nil
        status.timestamp = min(max(status.timestamp, former.timestamp), now)
        return status
    }

    /// Whether a report says something new. The same state reached at another time is no news.
    static func isNews(_ status: TaskStatus, after former: TaskStatus) -> Bool {
        guard !former.state.isTerminal, status.state >= former.state else { return false }
        var same = status
        same.timestamp = former.timestamp
        same.chosenAddresses = nil
        return same != former
    }

    /// The same of a task, and of addresses that its node has chosen for it.
    static func isNews(_ status: TaskStatus, of task: SwarmTask) -> Bool {
        isNews(status, after: task.status) || ChosenAddressRules.areNews(status, of: task)
    }

    /// - Throws: `RPCError` with `.invalidArgument`.
    static func attachment(_ payload: Data) throws -> NetworkAttachmentSpec {
        guard payload.count <= maximumStatus else { throw refusal("a request of \(payload.count) bytes") }
        let spec: NetworkAttachmentSpec
        do { spec = try Wire.value(NetworkAttachmentSpec.self, payload) } catch {
            throw refusal("what is no request for an attachment")
        }
        guard isIdentifier(spec.containerID), isName(spec.containerName) else { throw refusal("what is no container") }
        guard spec.aliases.count <= maximumEntries, spec.aliases.allSatisfy(isName) else {
            throw refusal("aliases that are no names")
        }
        if let alias = spec.aliases.first(where: { $0.lowercased().hasPrefix("tasks.") }) {
            throw RPCError(
                code: .invalidArgument,
                message: "invalid alias \(alias): names that begin with \"tasks.\" are those of services' tasks")
        }
        return spec
    }

    private static func check(_ port: PortConfig) throws {
        guard port.transport != nil, [nil, "ingress", "host"].contains(port.publishMode),
            UInt16(exactly: port.targetPort) != nil, UInt16(exactly: port.publishedPort ?? 0) != nil,
            port.inRow == nil || port.single.count == port.count,
            port.name.map({ $0.utf8.count <= maximumName && isPrintable($0) }) ?? true
        else { throw refusal("what is no port") }
    }

    private static func refusal(_ what: String) -> RPCError {
        RPCError(code: .invalidArgument, message: "a node may not report \(what)")
    }

    /// Letters, digits and hyphens, up to 64.
    static func isIdentifier(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
            }
    }

    /// Printable, without spaces, as long as a name in DNS at the most.
    static func isName(_ text: String) -> Bool {
        (1...maximumName).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 32 && $0 != 127 }
    }

    private static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

    /// The beginning of a text, of so many bytes at the most, and whole characters only.
    static func cut(_ text: String, _ bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var kept = ""
        var size = 0
        for character in text {
            size += character.utf8.count
            guard size <= bytes else { break }
            kept.append(character)
        }
        return kept
    }
}
