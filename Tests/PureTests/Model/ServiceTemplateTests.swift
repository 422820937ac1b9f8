import Model
import Testing

@Suite struct ServiceTemplateTests {
    private func template(slot: Int?) -> ServiceTemplate {
        var task = SwarmTask(id: "t")
        (task.serviceID, task.nodeID, task.slot) = ("s", "n", slot)
        task.assignment = SwarmTask.Assignment()
        task.assignment?.serviceName = "web"
        task.assignment?.serviceLabels = ["zone": "a"]
        return ServiceTemplate(
            task: task, nodeID: "n", hostname: "host", platform: .init(architecture: "x86_64", system: "linux"))
    }

    @Test func `the slot of a task of a global service is its node`() {
        #expect(template(slot: 3).expand("{{.Service.Name}}-{{.Task.Slot}} {{.Task.Name}}") == "web-3 web.3.t")
        #expect(template(slot: nil).expand("{{.Service.Name}}-{{.Task.Slot}} {{.Task.Name}}") == "web-n web.n.t")
    }

    @Test func `fields are replaced, with the space around them where the template says so`() {
        let template = template(slot: 1)
        #expect(
            template.expand("{{ .Node.Hostname }}/{{.Service.Labels.zone}}{{.Service.Labels.none}}")
                == "host/a<no value>")
        #expect(template.expand("a {{- .Node.ID -}} b {{ .Node.ID }} c") == "anb n c")
        #expect(template.expand("no { braces } }}") == "no { braces } }}")
    }

    @Test func `what is no template is told in Go's words, and stays as it is`() {
        for (text, reason) in [
            ("{{.Node", "template: expansion:1: unclosed action"),
            ("a\nb{{", "template: expansion:2: unclosed action"),
            ("{{ }}", "template: expansion:1: missing value for command"),
            ("{{nope 1}}", "template: expansion:1: function \"nope\" not defined"),
            (
                "{{.Bad}}",
                "template: expansion:1:2: executing \"expansion\" at <.Bad>: can't evaluate field Bad in type template.Context"
            ),
        ] {
            #expect(throws: ServiceTemplate.Fault.wrong(reason)) { try ServiceTemplate.check(text) }
            #expect(template(slot: 1).expand(text) == text)
        }
        for text in [
            "{{if .Node.ID}}a{{end}}", "{{.Node}}", "{{printf \"%s\" .Node.ID}}", "{{.}}", "{{\"x\"}}",
            "{{.Node.ID | js}}",
        ] {
            let fault = #expect(throws: ServiceTemplate.Fault.self) { try ServiceTemplate.check(text) }
            guard case .notBuilt = fault else {
                Issue.record("\(text): \(String(describing: fault))")
                continue
            }
        }
    }

    @Test func `a mount's paths and what its volume is made with are templates`() {
        var mount = Mount()
        (mount.type, mount.source, mount.target) = ("volume", "v-{{.Task.Slot}}", "/d/{{.Node.ID}}")
        mount.volumeOptions = Mount.VolumeOptions()
        mount.volumeOptions?.labels = ["slot": "{{.Task.Slot}}"]
        mount.volumeOptions?.driverConfig = Driver(name: "local", options: ["device": "/x/{{.Service.Name}}"])
        let expanded = mount.expanded(by: template(slot: 2))
        #expect(expanded.source == "v-2" && expanded.target == "/d/n")
        #expect(expanded.volumeOptions?.labels == ["slot": "2"])
        #expect(expanded.volumeOptions?.driverConfig?.options == ["device": "/x/web"])
    }
}
