import DockerTypes
import Foundation
import Model
import Testing

/// Credentials that nodes pull images with: kept and sent, never shown.
@Suite struct PullOptionTests {
    private static func spec(_ header: String?) -> ServiceSpec {
        var spec = ServiceSpec()
        spec.name = "web"
        spec.taskTemplate.containerSpec = ContainerSpec()
        spec.taskTemplate.containerSpec?.image = "box"
        spec.taskTemplate.registryAuth = header
        return spec
    }

    private static func service() -> Service {
        var service = Service(id: "s")
        service.spec = spec("NOW")
        service.previousSpec = spec("BEFORE")
        return service
    }

    private static func task() -> SwarmTask {
        var task = SwarmTask(id: "t")
        task.spec = spec("NOW").taskTemplate
        return task
    }

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try WireJSON.encode(value), as: UTF8.self)
    }

    @Test func `records have them, and nothing where there are none`() throws {
        let (service, task) = (Self.service(), Self.task())
        let kept = try WireJSON.decode(record: Service.self, from: try WireJSON.encode(record: service))
        #expect(kept == service && kept.previousSpec?.taskTemplate.registryAuth == "BEFORE")
        let told = try WireJSON.decode(record: SwarmTask.self, from: try WireJSON.encode(record: task))
        #expect(told == task && told.spec.registryAuth == "NOW")
        #expect(try Self.text(task).contains(#""PullOptions":{"RegistryAuth":"NOW"}"#))
        #expect(try !Self.text(Self.spec(nil)).contains("PullOptions"))
    }

    @Test func `answers, and texts for people, do not`() throws {
        let (service, task) = (Self.service(), Self.task())
        for text in [
            try Self.text(service.answered), try Self.text(task.answered), "\(task.spec)",
            String(reflecting: task.spec),
        ] {
            #expect(text.contains("box"))
            #expect(!text.contains("NOW") && !text.contains("BEFORE"), "\(text)")
        }
        #expect(try !(Self.text(service.answered) + Self.text(task.answered)).contains("PullOptions"))
    }

    @Test func `a header is read in either alphabet, and one without a secret is known`() throws {
        let document = #"{"username":"u","password":"???>>>","serveraddress":"r"}"#
        let standard = Data(document.utf8).base64EncodedString()
        let web = standard.replacing("+", with: "-").replacing("/", with: "_")
        for text in [standard, web, web.replacing("=", with: "")] {
            let read = try #require(RegistryCredentials(header: text))
            #expect(read.username == "u" && read.password == "???>>>" && read.haveSecret)
        }
        #expect(RegistryCredentials(header: "e30=")?.haveSecret == false)
        #expect(RegistryCredentials(header: "") == nil)
        #expect(RegistryCredentials(header: "no base64") == nil)
    }
}
