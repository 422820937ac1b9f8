package import Faults

/// What is wrong with the options of a log driver that ships lines to a receiver.
package enum LogOptionError: Fault, Equatable {
    case unknown(name: String, driver: String)
    /// Of `gelf`, whose sentence has other quotation marks.
    case unknownQuoted(name: String, driver: String)
    case missing(name: String, driver: String)
    /// Docker's sentence for this value, which differs with every option: `said` is all of it.
    case invalid(name: String, value: String, said: String)
    case invalidTag(template: String, reason: String)
    case invalidPattern(pattern: String, reason: String)
    /// A path that is not there on this node, or a certificate that cannot be read.
    case unusable(path: String, reason: String)
    /// The receiver that the driver speaks to is a part of the node that is not there.
    case notOnThisHost(driver: String)

    package var kind: FaultKind { .invalidInput }
}
