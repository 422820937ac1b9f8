/// Why a receiver cannot be reached, or has broken off. Read by people, in inspect and events.
package struct TransportError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) { self.description = description }
}
