"""`kubectl proxy` over a recording: answers the API's paths with what the recording's commands printed, in the API's own form."""
import http.server
import json
import os
import re
import socketserver
import sys

SOCKET = [word for word in sys.argv if word.startswith("--unix-socket=")][0].split("=", 1)[1]
ROWS = {line.split("\t")[0]: line.rstrip("\n").split("\t")[1:] for line in open(os.environ["MESHDX_TEST_INDEX"])}
AFTER = int(os.environ["AFTER"]) if os.environ["BAD"] == "proxied-api-stops" else 10**9
answered = 0


def command_of(path):
    """The command that prints what the path holds."""
    log = re.fullmatch(r"/api/v1/namespaces/([^/]+)/pods/([^/]+)/log\?container=([^&]+)&tailLines=(\d+)", path)
    if log:
        return "kubectl logs {1} -n {0} -c {2} --tail={3}".format(*log.groups())
    core, group, namespace, resource, name = re.fullmatch(
        r"/(?:(api)/v1|apis/([^/]+)/v[^/]+)(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+))?", path).groups()
    kind = resource if core else f"{resource}.{group}"
    if name:
        return f"kubectl get configmap {name} -n {namespace} -o json"
    scope = f"-n {namespace} " if namespace else "-A "
    return f"kubectl get {kind} {'' if kind == 'namespaces' else scope}-o json"


def as_api(text):
    """A list as the API has it: the kind at its head, not on each item (Istio's have it twice)."""
    document = json.loads(text)
    if document["kind"] != "List":
        return json.dumps(document)
    items = document["items"]
    kind, version = (items[0]["kind"], items[0]["apiVersion"]) if items else (None, "v1")
    for item in items:
        item.setdefault("metadata", {})["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]
        if "istio.io" not in version:
            del item["kind"], item["apiVersion"]
    return json.dumps({"kind": kind and kind + "List", "apiVersion": version, "metadata": {"resourceVersion": "7"}, "items": items})


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global answered
        answered += 1
        code, body = self.answer()
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body.encode())

    def answer(self):
        if answered > AFTER:
            open(os.environ["MESHDX_TEST_INDEX"] + ".gone", "w").close()
            return 502, "dial tcp 10.244.255.1:6443: connect: connection refused"
        try:
            out, _, code = ROWS[command_of(self.path)]
        except (KeyError, AttributeError):
            return 404, "404 page not found"
        text = open(out).read()
        if code != "0":
            return 404, "404 page not found"
        if "/log?" in self.path:
            return 200, text
        body = as_api(text)
        # An empty list does not say its kind here; the API knows it.
        resource = self.path.split("/")[-1]
        kinds = {"namespaces": "Namespace", "services": "Service", "pods": "Pod", "statefulsets": "StatefulSet", "gateways": "Gateway",
                 "virtualservices": "VirtualService", "destinationrules": "DestinationRule", "serviceentries": "ServiceEntry",
                 "sidecars": "Sidecar", "envoyfilters": "EnvoyFilter", "workloadentries": "WorkloadEntry",
                 "peerauthentications": "PeerAuthentication", "requestauthentications": "RequestAuthentication",
                 "authorizationpolicies": "AuthorizationPolicy", "telemetries": "Telemetry", "httproutes": "HTTPRoute",
                 "grpcroutes": "GRPCRoute", "referencegrants": "ReferenceGrant", "networkpolicies": "NetworkPolicy",
                 "deployments": "Deployment", "replicasets": "ReplicaSet", "endpointslices": "EndpointSlice"}
        return 200, body.replace('{"kind": null', '{"kind": "%sList"' % kinds.get(resource, ""), 1)

    def log_message(self, *words):
        pass


class Server(socketserver.UnixStreamServer):
    request_queue_size = 128


with Server(SOCKET, Handler) as server:
    print("Starting to serve on " + SOCKET, flush=True)
    server.serve_forever()
