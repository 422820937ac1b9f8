/// What is told of a log that grows.
package enum LogWatch {
    /// Called when it has grown; nothing more is taken of the container's output before `done` is called, from wherever.
    package typealias Body = @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
}
