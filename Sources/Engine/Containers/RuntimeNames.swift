import ContainerRuntime

// Names that the domain's model uses for its own things, too: this file sees only the runtime's.

typealias RuntimeExecRequest = ExecRequest
typealias RuntimeState = ContainerState
