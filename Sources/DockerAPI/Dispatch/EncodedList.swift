import Foundation
import Model
import Synchronization

/// A list that is asked for again and again, of objects of which few are others than the last time: those alone are encoded anew.
///
/// What is kept is the last list that was whole: no more than there is, and nothing that is gone.
final class EncodedList<Object: Encodable & Equatable & Identifiable & Sendable>: Sendable where Object.ID == String {
    private struct Element {
        let object: Object
        let bytes: Data
    }

    private let shown: @Sendable (Object) -> Object
    private let kept = Mutex<[String: Element]>([:])

    /// - Parameter shown: What the API shows of an object.
    init(shown: @escaping @Sendable (Object) -> Object) { self.shown = shown }

    /// The JSON of all of them, as ``WireJSON`` writes an array.
    /// - Parameter isWhole: These are all that there are; of a part nothing is kept.
    func encode(_ objects: [Object], isWhole: Bool) throws -> Data {
        let known = kept.withLock { $0 }
        var elements: [String: Element] = [:]
        var answer = Data("[".utf8)
        for object in objects {
            let element: Element
            if let last = known[object.id], last.object == object {
                element = last
            } else {
                element = Element(object: object, bytes: try WireJSON.encode(shown(object)))
            }
            if answer.count > 1 { answer.append(UInt8(ascii: ",")) }
            answer.append(element.bytes)
            if isWhole { elements[object.id] = element }
        }
        answer.append(UInt8(ascii: "]"))
        if isWhole { kept.withLock { $0 = elements } }
        return answer
    }
}
