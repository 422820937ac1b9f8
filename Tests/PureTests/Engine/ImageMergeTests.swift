import Foundation
import Model
import Testing

@testable import Engine

/// What a container has of its image, where its request says nothing, or says that there is to be none.
@Suite struct ImageMergeTests {
    /// - Parameter fields: Of the request's body, beside the image.
    private func configuration(_ fields: String) throws -> (commandLine: [String], stopSignal: String?) {
        var image = ContainerConfiguration()
        image.entrypoint = StringList(["/entry"])
        image.cmd = StringList(["serve"])
        image.stopSignal = "SIGQUIT"
        let body = Data(#"{"Image":"nginx"\#(fields)}"#.utf8)
        let planner = ContainerPlanner(image: ImageDefaults(id: "sha256:1", configuration: image), cpuCount: 2)
        let record = try planner.plan(
            try WireJSON.decode(ContainerCreateRequest.self, from: body), id: String(repeating: "ab", count: 32),
            name: "web", at: .now)
        return (record.commandLine, record.configuration.stopSignal)
    }

    @Test(
        arguments: [
            ("", ["/entry", "serve"]), (#","Entrypoint":null"#, ["/entry", "serve"]), (#","Entrypoint":[]"#, ["serve"]),
            (#","Entrypoint":[],"Cmd":["sh"]"#, ["sh"]), (#","Entrypoint":[],"Cmd":[]"#, ["serve"]),
            (#","Cmd":["sh"]"#, ["/entry", "sh"]), (#","Entrypoint":[""],"Cmd":["sh"]"#, ["sh"]),
            (#","Entrypoint":"/mine""#, ["/mine"]),
        ] as [(String, [String])]) func `an empty entry point takes the image's away, and leaves its command`(
            fields: String, commandLine: [String]
        ) throws
    {
        #expect(try configuration(fields).commandLine == commandLine)
    }

    @Test func `a stop signal without a name is the image's`() throws {
        for fields in ["", #","StopSignal":"""#, #","StopSignal":null"#] {
            #expect(try configuration(fields).stopSignal == "SIGQUIT", "\(fields)")
        }
        #expect(try configuration(#","StopSignal":"SIGINT""#).stopSignal == "SIGINT")
    }
}
