package import EngineInterface
import Model
import Templates

/// `--log-opt tag`: a template on what is known of a container, with Docker's names.
package enum LogTag {
    /// What Docker's drivers but awslogs use when nothing is asked for.
    package static let usual = "{{.ID}}"

    /// - Parameter usual: The template where the options have none, or an empty one.
    /// - Throws: `.invalidTag`, for what is no template, for fields that there are not, and for what is beyond ``TemplateLimits/daemon``.
    package static func render(
        _ options: LogDriverOptions, _ origin: LogOrigin, _ host: LogHost, usual: String = usual
    ) throws(LogOptionError) -> String {
        try render(options.text("tag") ?? usual, options, origin, host)
    }

    /// Any other option that is a template of the same kind.
    package static func render(
        _ template: String, _ options: LogDriverOptions, _ origin: LogOrigin, _ host: LogHost
    ) throws(LogOptionError) -> String {
        // By far the most frequent ones.
        switch template {
        case "{{.ID}}": return origin.shortID
        case "{{.FullID}}": return origin.id
        case "{{.Name}}": return origin.name
        default: break
        }
        do {
            return try Template(template, limits: .daemon).render(.row(try row(options, origin, host)))
        } catch let error as TemplateError {
            throw .invalidTag(template: template, reason: "\(error)")
        } catch let error as LogOptionError {
            throw error
        } catch {
            throw .invalidTag(template: template, reason: "\(error)")
        }
    }

    private static func row(_ options: LogDriverOptions, _ origin: LogOrigin, _ host: LogHost) throws(LogOptionError)
        -> Row
    {
        func object(_ values: [String: String]) -> JSON {
            .object(values.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) })
        }
        let extras = object(try options.extras(of: origin))
        let fields: [String: JSON] = [
            "ID": .string(origin.shortID), "FullID": .string(origin.id), "Name": .string(origin.name),
            "Command": .string(origin.command),
            // As Docker cuts it, with the algorithm's name.
            "ImageID": .string(String(origin.imageID.prefix(12))), "ImageFullID": .string(origin.imageID),
            "ImageName": .string(origin.imageName), "Hostname": .string(host.name),
            "DaemonName": .string(host.daemonName), "ContainerID": .string(origin.id),
            "ContainerName": .string("/" + origin.name), "ContainerEntrypoint": .string(origin.entrypoint),
            "ContainerArgs": .array(origin.arguments.map { .string($0) }),
            "ContainerImageID": .string(origin.imageID), "ContainerImageName": .string(origin.imageName),
            "ContainerCreated": .string(origin.created.description),
            "ContainerEnv": .array(origin.environment.map { .string($0) }),
            "ContainerLabels": object(origin.labels), "Config": object(options.values),
            "LogPath": .string(origin.logPath), "ExtraAttributes": extras,
        ]
        return Row(fields, methods: ["ExtraAttributes": { _ in TemplateValue.data(extras).text }])
    }
}
