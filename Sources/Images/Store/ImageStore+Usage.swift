package import OCI

extension ImageStore {
    /// Bytes of all images' layers, each counted once, and for each image those of layers that others have as well.
    package func usage() -> (layers: Int64, shared: [Digest: Int64]) {
        var sizes: [Digest: Int64] = [:]
        var users: [Digest: Int] = [:]
        for known in usable.values {
            for (chain, size) in zip(known.chainIDs, known.layerSizes) {
                sizes[chain] = size
                users[chain, default: 0] += 1
            }
        }
        let shared = usable.mapValues { known in
            zip(known.chainIDs, known.layerSizes).reduce(Int64(0)) { sum, layer in
                sum + (users[layer.0, default: 0] > 1 ? layer.1 : 0)
            }
        }
        return (sizes.values.reduce(0, +), shared)
    }
}
