/// What was wrong with a command line, and how the program ends because of it.
package struct UsageError: Error, Equatable {
    package let message: String
    /// That the program ends with.
    package let status: Int32

    package init(_ message: String, status: Int32 = 125) {
        self.message = message
        self.status = status
    }
}

/// Why a flag does not take a value.
package struct ValueError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// The end of the program: its status and, unless it is empty, a text for standard error.
package struct ExitError: Error, Equatable {
    /// That the program ends with.
    package let status: Int32
    package let message: String

    package init(_ status: Int32, _ message: String = "") {
        self.status = status
        self.message = message
    }
}

/// An error that says no more than its text.
struct PlainError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
