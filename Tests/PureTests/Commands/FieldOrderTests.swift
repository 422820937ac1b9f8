import Commands
import Foundation
import Templates
import Testing

@Suite struct FieldOrderTests {
    private func recorded(_ name: String) throws -> JSON {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Recorded"))
        return try JSON(parsing: Array(try Data(contentsOf: url)))
    }

    /// As the engine writes it.
    private func sorted(_ value: JSON) -> JSON {
        switch value {
        case .array(let elements): .array(elements.map(sorted))
        case .object(let members):
            .object(members.sorted { $0.name < $1.name }.map { JSON.Member($0.name, sorted($0.value)) })
        case .null, .bool, .number, .string: value
        }
    }

    @Test(arguments: ["055-service-inspect", "022-node-list"])
    func `fields of services and nodes come in docker's order`(name: String) throws {
        let value = try recorded(name)
        #expect(sorted(value) != value)
        #expect(FieldOrder.applied(to: sorted(value)).compact() == value.compact())
    }

    @Test func `labels and options stay as they are, and what docker does not have comes last`() throws {
        let text = #"{"Own":1,"Spec":{"Labels":{"Name":"a","ID":"b"},"Name":"x"},"ID":"i"}"#
        let value = try JSON(parsing: Array(text.utf8))
        #expect(
            FieldOrder.applied(to: value).compact()
                == #"{"ID":"i","Spec":{"Name":"x","Labels":{"Name":"a","ID":"b"}},"Own":1}"#)
    }
}
