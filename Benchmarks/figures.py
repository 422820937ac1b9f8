"""What the parts share: the image that runs on both sides, the aims, and the line of a figure."""

IMAGE = "busybox:latest"
# Ratios to stay below, or, of throughput, above.
AIMS = {
    "run": "<=0.25", "exec": "<=0.25", "start-30": "<=0.35", "network-create": "<=0.35", "network-rm": "<=0.35", "service-30": "<=0.35",
    "service-60": "<=0.35", "memory-0": "<=0.25", "memory-60": "<=0.25", "throughput-overlay": ">=0.84", "throughput-vip": ">=1.00",
    "throughput-mesh-here": ">=0.82", "throughput-mesh-elsewhere": ">=0.75", "connection-overlay": "<=1.25", "connection-vip": "<=1.08",
    "connection-mesh-here": "<=1.05", "connection-mesh-elsewhere": "<=1.50", "log-lines-json-file": ">=3.00", "log-lines-fluentd": ">=3.00",
    "encrypted-1": ">=3.00", "encrypted-4": ">=3.00", "encrypted-small": ">=3.00", "encrypted-1-clear": ">=0.50", "encrypted-4-clear": ">=0.50",
    "encrypted-small-clear": ">=0.50", "names-of-containers": ">=3.00", "names-of-services": ">=3.00",
}


def tell(name, ours, peer, unit, digits=3):
    """Prints a figure, and whether its aim is met, where it has one."""
    ratio = ours / peer
    aim = AIMS.get(name)
    line = f"bench {name} apus={ours:.{digits}f}{unit} peer={peer:.{digits}f}{unit} ratio={ratio:.2f}"
    if aim:
        bound = float(aim[2:])
        line += f" aim={aim} {'met' if (round(ratio, 2) <= bound if aim[0] == '<' else round(ratio, 2) >= bound) else 'missed'}"
    print(line, flush=True)
