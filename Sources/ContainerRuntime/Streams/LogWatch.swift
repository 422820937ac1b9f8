/// What is told of a log that grows.
package enum LogWatch {
    /// Called when it has grown by a step; before `done` is called, from wherever, no more than another step is taken of the container's output, and
    /// nothing at all where steps are small. It is not called again before.
    package typealias Body = @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
}
