#!/usr/bin/env python3
"""What a sweep costs by the size of the mesh: made-up meshes of 200 and of 2000 Services, read through stand-ins for kubectl
and istioctl that print files. Nothing is asserted: the figures are for reading.

usage: sweep.py MESHDX [SERVICES...]
"""
import json
import os
import sys
import tempfile
import time

PER_NAMESPACE = 50

KUBECTL = """#!/bin/sh
file=$BENCH_MESH/$2.json
if [ "$3" = -n ]; then file=$BENCH_MESH/$2.$4.json; fi
case "$1 $2" in
  "get configmap") exec cat "$BENCH_MESH/config.json" ;;
  "get "*) if [ -e "$file" ]; then exec cat "$file"; else echo '{"apiVersion":"v1","kind":"List","items":[]}'; fi ;;
  *) echo "unknown command $1" >&2; exit 1 ;;
esac
"""


RESOURCES = {"Service": "services", "Pod": "pods", "EndpointSlice": "endpointslices.discovery.k8s.io",
             "DestinationRule": "destinationrules.networking.istio.io", "VirtualService": "virtualservices.networking.istio.io"}


def thing(version, kind, namespace, name, labels=None, **parts):
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels or {}}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


def pod(namespace, name, address):
    labels = {"app": name, "version": "v1", "security.istio.io/tlsMode": "istio", "pod-template-hash": "5d"}
    one = thing("v1", "Pod", namespace, name + "-5d-abcde", labels)
    one["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name + "-5d", "controller": True}]
    app = {"name": "app", "image": "app", "ports": [{"containerPort": 8080}], "env": [{"name": "V%d" % i, "value": "x" * 40} for i in range(40)]}
    proxy = {"name": "istio-proxy", "image": "proxyv2", "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"]}
    one["spec"] = {"containers": [app, proxy]}
    one["status"] = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}],
                     "containerStatuses": [{"name": c["name"], "ready": True, "state": {"running": {}}} for c in (app, proxy)]}
    return one


def workload(namespace, name, number):
    address = "10.%d.%d.%d" % (number // 65536 + 1, number // 256 % 256, number % 256)
    yield thing("v1", "Service", namespace, name, spec={
        "selector": {"app": name}, "type": "ClusterIP", "clusterIP": "10.96.%d.%d" % (number // 256 % 256, number % 256),
        "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]})
    yield pod(namespace, name, address)
    yield thing("discovery.k8s.io/v1", "EndpointSlice", namespace, name + "-x", {"kubernetes.io/service-name": name}, addressType="IPv4",
                ports=[{"name": "http", "port": 8080, "protocol": "TCP"}],
                endpoints=[{"addresses": [address], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": name + "-5d-abcde", "namespace": namespace}}])


def rules(namespace, name):
    yield thing("networking.istio.io/v1", "DestinationRule", namespace, name, spec={"host": name, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]})
    yield thing("networking.istio.io/v1", "VirtualService", namespace, name, spec={"hosts": [name], "http": [
        {"match": [{"uri": {"prefix": "/api"}}], "route": [{"destination": {"host": name, "subset": "v1"}}]}, {"route": [{"destination": {"host": name}}]}]})


def write(folder, name, items):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": items}, file)


def make_mesh(folder, services):
    lists = {}
    namespaces = ["istio-system"]
    for number in range(services):
        namespace, name = "team-%d" % (number // PER_NAMESPACE), "app-%d" % number
        if namespace not in namespaces:
            namespaces.append(namespace)
        for one in workload(namespace, name, number):
            lists.setdefault("%s.%s.json" % (RESOURCES[one["kind"]], namespace), []).append(one)
        for one in rules(namespace, name):
            lists.setdefault("%s.json" % RESOURCES[one["kind"]], []).append(one)
    lists["namespaces.json"] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n, "labels": {"istio-injection": "enabled"}}} for n in namespaces]
    for name, items in lists.items():
        write(folder, name, items)
    config = thing("v1", "ConfigMap", "istio-system", "istio", data={"mesh": "rootNamespace: istio-system"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    for tool, text in (("kubectl", KUBECTL), ("istioctl", "#!/bin/sh\necho '[]'\n")):
        path = os.path.join(folder, tool)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)


def sweep(meshdx, folder):
    """CPU seconds, seconds and peak kB of one sweep, and its last lines."""
    environment = dict(os.environ, BENCH_MESH=folder, PATH=folder + ":" + os.environ["PATH"])
    said = os.path.join(folder, "said")
    begun = time.monotonic()
    child = os.posix_spawn(meshdx, [meshdx, "sweep", "-A", "--no-color"], environment,
                           file_actions=[(os.POSIX_SPAWN_OPEN, 1, said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
    _, status, usage = os.wait4(child, 0)
    with open(said, encoding="utf-8") as file:
        text = file.read()
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("sweep.py: the made-up mesh is not found sound:\n" + text)
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begun, usage.ru_maxrss


def main():
    meshdx, sizes = os.path.abspath(sys.argv[1]), [int(n) for n in sys.argv[2:]] or [200, 2000]
    costs = []
    for services in sizes:
        with tempfile.TemporaryDirectory() as folder:
            make_mesh(folder, services)
            cpu, wall, memory = sweep(meshdx, folder)
        costs.append(cpu)
        print("sweep of %d Services: %.2f s CPU, %.2f s, peak memory: %d kB" % (services, cpu, wall, memory))
    if len(sizes) > 1:
        print("  %d times the Services, %.1f times the CPU" % (sizes[-1] // sizes[0], costs[-1] / costs[0]))


if __name__ == "__main__":
    main()
