import EngineInterface
import Model
import Testing

@testable import Engine

@Suite struct ProcessorSetTests {
    private func check(_ processors: String, _ nodes: String, _ sets: ProcessorSets) throws {
        var host = HostConfiguration()
        host.cpusetCpus = processors
        host.cpusetMems = nodes
        try sets.check(host)
    }

    @Test func `processors and memory nodes are those of the node`() throws {
        let sets = ProcessorSets(processors: "0-3,8", memoryNodes: "0")
        for list in ["", "0", "0-3", "8,1-2", "3,3"] { try check(list, "", sets) }
        for list in ["4", "0-4", "0,99", "0-99999999999"] {
            #expect(throws: LimitError.processorsUnavailable(requested: list, available: "0-3,8")) {
                try check(list, "0", sets)
            }
        }
        #expect(throws: LimitError.memoryNodesUnavailable(requested: "0-1", available: "0")) {
            try check("1", "0-1", sets)
        }
        for list in ["x", "1-", "-1", "3-1", "1,,2", "+1", " 1", "1-2-3", "99999999999999999999"] {
            #expect(throws: LimitError.invalidProcessorSet(list)) { try check(list, "", sets) }
            #expect(throws: LimitError.invalidMemoryNodeSet(list)) { try check("", list, sets) }
        }
        // Where the kernel does not tell what there is, the runtime will.
        try check("99", "9", ProcessorSets())
    }
}
