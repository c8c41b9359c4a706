#!/usr/bin/env python3
"""Takes away one permission after the other and looks at what meshdx then says.

On the cluster of the current kubeconfig, in a namespace of its own: a small sample (one call that works, one that answers
503, one that answers 404), and a ServiceAccount with just the roles that `meshdx preflight --rbac` prints. First every
question is asked with all of them: the answer must be the administrator's. Then each permission is taken away in turn:
the answer may become inconclusive, but names no other cause, and nothing is healthy that was not looked at.

Needs injection by label (istio-injection=enabled) and an image with `curl`; both can be said with flags.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

ACCOUNT = "meshdx-rights"
PODS = """
apiVersion: v1
kind: Namespace
metadata: {{name: {ns}, labels: {{istio-injection: enabled}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {account}, namespace: {ns}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: client, namespace: {ns}}}
spec:
  selector: {{matchLabels: {{app: client}}}}
  template:
    metadata: {{labels: {{app: client}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: app, image: {image}, args: [{args}]}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: {ns}}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{{name: app, image: {image}, args: [{args}], ports: [{{containerPort: 8080}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {ns}}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: astray, namespace: {ns}}}
spec: {{selector: {{app: wbe}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: narrow, namespace: {ns}}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: narrow, namespace: {ns}}}
spec:
  hosts: [narrow]
  http: [{{match: [{{uri: {{prefix: /only}}}}], route: [{{destination: {{host: narrow}}}}]}}]
"""
# What is asked, of which host; each host gets a few requests first.
QUESTIONS = [("healthy 503", "503", "web"), ("healthy mtls", "mtls", "web"), ("broken 503", "503", "astray"), ("broken 404", "404", "narrow")]


def run(*argv, text=None, check=True, env=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, env=env)
    if check and done.returncode != 0:
        sys.exit(f"rights: {' '.join(argv)}: {done.stderr.strip()}")
    return done


def apply(objects):
    run("kubectl", "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


class Mesh:
    def __init__(self, args):
        self.args = args
        self.ns = args.namespace
        self.roles = []
        self.env = None

    def up(self):
        run("kubectl", "apply", "-f", "-", text=PODS.format(ns=self.ns, account=ACCOUNT, image=self.args.image, args=", ".join(map(json.dumps, self.args.image_args.split(",")))))
        run("kubectl", "wait", "deployment", "--all", "-n", self.ns, "--for=condition=Available", "--timeout=300s")
        self.traffic()

    def traffic(self):
        hosts = " ".join(sorted({host for _, _, host in QUESTIONS}))
        script = f"for h in {hosts}; do for i in 1 2 3 4; do curl -s -o /dev/null -m 5 http://$h.{self.ns}/; done; done; true"
        run("kubectl", "exec", "deploy/client", "-n", self.ns, "-c", "app", "--", "sh", "-c", script)
        time.sleep(2)   # access logs are written in batches

    def down(self):
        for role in self.roles:
            where = ["-n", role["metadata"]["namespace"]] if "namespace" in role["metadata"] else []
            run("kubectl", "delete", role["kind"].lower(), role["metadata"]["name"], *where, "--ignore-not-found", check=False)
        if self.env:
            os.unlink(self.kubeconfig.name)
        run("kubectl", "delete", "namespace", self.ns, "--wait=false", "--ignore-not-found", check=False)

    def grant(self):
        """What preflight prints, under a name of its own, and a kubeconfig with the account's token."""
        manifest = run(self.args.meshdx, "preflight", "--rbac", "-n", self.ns, "--service-account", f"{self.ns}/{ACCOUNT}").stdout
        printed = run("kubectl", "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-", text=manifest).stdout
        decoder, at = json.JSONDecoder(), 0
        while at < len(printed.rstrip()):
            found, end = decoder.raw_decode(printed, at)
            self.roles += found["items"] if found["kind"] == "List" else [found]
            at = end + len(printed[end:]) - len(printed[end:].lstrip())
        for role in self.roles:
            role["metadata"]["name"] = ACCOUNT
            if "roleRef" in role:
                role["roleRef"]["name"] = ACCOUNT
        apply(self.roles)
        token = run("kubectl", "create", "token", ACCOUNT, "-n", self.ns, "--duration=8h").stdout.strip()
        config = json.loads(run("kubectl", "config", "view", "--minify", "--raw", "-o", "json").stdout)
        config["users"] = [{"name": ACCOUNT, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = ACCOUNT
        self.kubeconfig = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
        json.dump(config, self.kubeconfig)
        self.kubeconfig.close()
        self.env = {**os.environ, "KUBECONFIG": self.kubeconfig.name}

    def ask(self, playbook, host, env=None):
        words = [self.args.meshdx, playbook, f"http://{host}.{self.ns}/", "-n", self.ns, "--from", "client", "-o", "json",
                 "--step-timeout", self.args.step_timeout, "--deadline", self.args.deadline]
        began = time.monotonic()
        done = run(*words, check=False, env=env)
        seconds = time.monotonic() - began
        try:
            report = json.loads(done.stdout)
        except ValueError:
            return {"exit": done.returncode, "outcome": "no report", "cause": done.stderr.strip(), "seconds": seconds, "gaps": []}
        causes = [cause["id"] for cause in report["causes"]]
        return {"exit": done.returncode, "outcome": report["outcome"], "cause": causes[0] if causes else "", "seconds": seconds,
                "gaps": sorted({step["step"] for step in report["steps"] if step["result"] != "ok"}), "open": len(report["notChecked"])}


def takings(roles):
    """Each single permission: (what it is called, the roles without it)."""
    for i, role in enumerate(roles):
        for j, rule in enumerate(role.get("rules", [])):
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    without = json.loads(json.dumps(role))
                    rest = without["rules"].pop(j)
                    others = [r for r in rest["resources"] if r != resource]
                    verbs = [v for v in rest["verbs"] if v != verb]
                    if others:
                        without["rules"].append({**rest, "resources": others})
                    if verbs:
                        without["rules"].append({**rest, "resources": [resource], "verbs": verbs})
                    where = role["metadata"].get("namespace", "all namespaces")
                    yield f"{verb} {resource}{'.' + rule['apiGroups'][0] if rule['apiGroups'][0] else ''} in {where}", i, without


def judge(admin, seen):
    """What is wrong with an answer that lacked a permission; "" when nothing is. A likely cause counts as a cause."""
    if seen["outcome"] == "no report":
        return "no report: " + seen["cause"]
    if seen["cause"] and seen["cause"] != admin["cause"]:
        return f"wrong cause {seen['cause']}"
    if seen["outcome"] == "healthy" and admin["outcome"] != "healthy":
        return "healthy, and is not"
    wanted = {"cause": 2, "healthy": 0, "inconclusive": 3}[seen["outcome"]]
    return "" if seen["exit"] == wanted else f"exit {seen['exit']} for {seen['outcome']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meshdx", default="build/meshdx")
    parser.add_argument("-n", "--namespace", default="meshdx-rights")
    parser.add_argument("--image", default="docker.io/lab/echo:1", help="answers 200 on port 8080, and holds sh and curl")
    parser.add_argument("--image-args", default="--port,8080", help="arguments of the image, comma-separated")
    parser.add_argument("--step-timeout", default="20s")
    parser.add_argument("--deadline", default="120s")
    parser.add_argument("--only", default="", help="take away only permissions whose name holds this")
    parser.add_argument("--table", help="write the table here as well")
    parser.add_argument("--keep", action="store_true", help="leave the namespace and the roles")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))   # tidies up on the way out
    mesh = Mesh(args)
    lines, wrong = [], 0

    def say(line):
        lines.append(line)
        print(line, flush=True)

    try:
        mesh.up()
        mesh.grant()
        admin = {}
        say(f"{'permission taken away':70} {'question':13} {'exit':>4} {'outcome':12} {'cause':34} {'open':>4} {'sec':>5}  not seen")
        for name, playbook, host in QUESTIONS:
            admin[name] = mesh.ask(playbook, host)
            with_roles = mesh.ask(playbook, host, mesh.env)
            for who, seen in (("(administrator)", admin[name]), ("(none: the printed roles)", with_roles)):
                say(f"{who:70} {name:13} {seen['exit']:4} {seen['outcome']:12} {seen['cause']:34} {seen.get('open', ''):>4} {seen['seconds']:5.1f}  {', '.join(seen['gaps'])}")
            same = all(admin[name][key] == with_roles[key] for key in ("exit", "outcome", "cause"))
            if not same:
                wrong += 1
                say(f"WRONG: {name}: the printed roles do not suffice")
        for what, place, without in takings(list(mesh.roles)):
            if args.only not in what:
                continue
            apply([without])
            time.sleep(1)
            for name, playbook, host in QUESTIONS:
                seen = mesh.ask(playbook, host, mesh.env)
                fault = judge(admin[name], seen)
                wrong += fault != ""
                say(f"{what:70} {name:13} {seen['exit']:4} {seen['outcome']:12} {seen['cause']:34} {seen.get('open', ''):>4} {seen['seconds']:5.1f}  {', '.join(seen['gaps'])}"
                    + (f"  WRONG: {fault}" if fault else ""))
            apply([mesh.roles[place]])
    finally:
        if not args.keep:
            mesh.down()
        if args.table:
            with open(args.table, "w") as file:
                file.write("\n".join(lines) + "\n")
    say(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
