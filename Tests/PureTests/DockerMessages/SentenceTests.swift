import EngineInterface
import Faults
import Testing

@testable import DockerMessages

/// What clients are told, word for word: sentences and kinds as they were before errors were cases. Clients match on some of them.
struct SentenceTests {
    struct Row: Sendable {
        let error: any Fault
        let kind: FaultKind
        let sentence: String

        init(_ error: any Fault, _ kind: FaultKind, _ sentence: String) {
            self.error = error
            self.kind = kind
            self.sentence = sentence
        }
    }

    private static var all: [Row] {
        containers
            + logs
            + networks
            + parents
            + ports
            + tasks
            + exec
            + files
            + stats
            + images
            + volumes
            + filters
            + services
            + fixedAddresses
            + swarm
            + swarmObjects
            + swarmNetworks
            + tunnels
            + system
            + alerts
    }

    @Test func `every error is told in the words that clients know`() {
        for row in Self.all {
            #expect(DockerMessage.text(of: row.error) == row.sentence)
            #expect(row.error.kind == row.kind, "\(row.error)")
        }
    }

    @Test func `an error without a sentence is told in its own words, alone and as a cause`() {
        struct Plain: Error, CustomStringConvertible { let description = "no space left on device" }
        #expect(DockerMessage.text(of: Plain()) == "no space left on device")
        #expect(DockerMessage.sentence(for: Plain()) == nil)
        let update = ContainerError.notUpdated(id: "c", cause: Cause(Plain()))
        #expect(DockerMessage.text(of: update) == "Cannot update container c: no space left on device")
        #expect(Cause(Plain()).kind == .internalError)
    }

    @Test func `several faults are told one after the other`() {
        var list = FaultList()
        list.add(VolumeError.notFound("v"))
        list.add(ContainerError.notFound("c"))
        #expect(DockerMessage.text(of: list) == "get v: no such volume; No such container: c")
    }

    @Test func `logs name the case and what it is about`() {
        #expect("\(ContainerError.nameTaken(name: "n", owner: "o"))" == #"nameTaken(name: "n", owner: "o")"#)
        #expect("\(ContainerError.emptyName)" == "emptyName")
    }
}
