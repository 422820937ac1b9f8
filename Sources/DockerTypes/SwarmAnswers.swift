package import Model

// What the API shows of a swarm's objects: without what only the swarm itself needs, and with what Docker writes of
// every one, whether or not it has a value. What is stored stays as it is.

extension Service {
    /// As the API shows it, with each port by itself.
    package var answered: Service {
        var service = self
        service.separatePorts()
        service.pendingDelete = nil
        service.rollout = nil
        service.specSince = nil
        service.leaveOutCredentials()
        service.endpoint.spec = service.endpoint.spec ?? EndpointSpec()
        service.spec.nameUsual()
        service.previousSpec?.nameUsual()
        return service
    }
}

extension SwarmTask {
    /// As the API shows it, with each port by itself.
    package var answered: SwarmTask {
        var task = self
        if let ports = task.status.portStatus?.ports { task.status.portStatus?.ports = ports.single }
        task.status.portStatus = task.status.portStatus ?? TaskStatus.PortStatus()
        task.assignment = nil
        task.leaveOutCredentials()
        task.spec.nameIsolation()
        // Docker tells it of services alone.
        if task.spec.runtime == "container" { task.spec.runtime = nil }
        return task
    }
}

extension Node {
    /// As the API shows it, also before it has described itself.
    package var answered: Node {
        var node = self
        node.membership = nil
        var description = node.description ?? NodeDescription()
        description.tlsInfo = description.tlsInfo ?? TLSInfo()
        node.description = description
        return node
    }
}

extension ServiceSpec {
    fileprivate mutating func nameUsual() {
        taskTemplate.nameIsolation()
        updateConfig?.nameUsual()
        rollbackConfig?.nameUsual()
    }
}

extension UpdateConfiguration {
    /// Docker names both whatever was asked for. Source: moby, `convert.updateConfigFromGRPC`.
    fileprivate mutating func nameUsual() {
        if (failureAction ?? "").isEmpty { failureAction = "pause" }
        if (order ?? "").isEmpty { order = "stop-first" }
    }
}

extension TaskSpec {
    /// Docker names the isolation of every container of a service, whatever was asked for. Source: moby, `convert.IsolationFromGRPC`.
    fileprivate mutating func nameIsolation() {
        if (containerSpec?.isolation ?? "").isEmpty { containerSpec?.isolation = "default" }
    }
}
