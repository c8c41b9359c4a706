#!/usr/bin/env python3
"""Runs meshdx against faults made on purpose on a real cluster. `./dev live --help` tells how."""
import argparse
import concurrent.futures
import json
import os
import pathlib
import secrets
import shlex
import shutil
import signal
import sys
import threading

import cluster
import scenario
import table
import writes
from trial import Row, Setup, Trial

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(
        prog="./dev live", usage="./dev live --yes [OPTIONS] [SCENARIO...]",
        description="Breaks a mesh on purpose, asks meshdx live, pastes the fix it prints, and looks at the traffic. Works on the cluster of the "
                    "current kubeconfig, in namespaces of its own that it removes again.")
    add = parser.add_argument
    add("scenarios", nargs="*", metavar="SCENARIO", help="ids; all of them without")
    add("--yes", action="store_true", help="yes, break things on the cluster of the current context (or set MESHDX_LIVE_CONTEXT to its name)")
    add("--mesh-wide", action="store_true", help="also those that break what the whole mesh shares: istiod, the root namespace")
    add("--image", default=os.environ.get("MESHDX_LIVE_IMAGE", ""), help="image of the sample: Istio's echo server with bash, curl and perl (or MESHDX_LIVE_IMAGE)")
    add("--gateway", default="istio-ingressgateway.istio-system", metavar="HOST[:PORT]", help="where the ingress gateway answers HTTP in the cluster (%(default)s)")
    add("--revision", default="", metavar="REV", help="inject with istio.io/rev=REV instead of istio-injection=enabled")
    add("--parallel", type=int, default=1, metavar="N", help="so many scenarios at once; mesh-wide ones always run alone")
    add("--json", metavar="FILE", help="write the results; results of other scenarios that are in FILE stay")
    add("--resume", action="store_true", help="what is right in --json FILE is not run again")
    add("--keep", metavar="DIR", help="keep each run's recording and report")
    add("--slow", type=int, default=1, metavar="N", help="wait N times as long for traffic")
    add("--flags", default="", metavar="WORDS", help="further flags for every meshdx run: \"--step-timeout 60s\" where the cluster is slow")
    add("--meshdx", default=str(ROOT / "build/meshdx"), help="the binary (%(default)s)")
    add("--peers", action="store_true", help="also ask istioctl analyze and describe about each fault, and print whether they name it (with --show: those of FILE)")
    add("--writes", action="store_true", help="instead: what `meshdx write` prints, pasted and measured (writes.yaml; SCENARIO: ids of that file)")
    add("--show", action="store_true", help="print the table of --json FILE and run nothing")
    add("--list", action="store_true", help="list the scenarios and run nothing")
    return parser.parse_args()


def die(text, code=1):
    print(f"live: {text}", file=sys.stderr)
    sys.exit(code)


def confirm(options):
    """It breaks things: only a cluster that was named or said yes to."""
    context = cluster.context()
    named = os.environ.get("MESHDX_LIVE_CONTEXT")
    if named and named != context:
        die(f"the current context is {context}, MESHDX_LIVE_CONTEXT says {named}: nothing was touched", 64)
    if not named and not options.yes:
        die(f"this breaks things on purpose on the cluster of context {context}: say --yes when that is meant (or MESHDX_LIVE_CONTEXT={context})", 64)
    if not options.image:
        die("name the sample's image with --image (or MESHDX_LIVE_IMAGE): Istio's echo server with bash, curl and perl in it", 64)
    for tool in ("kubectl", "istioctl"):
        shutil.which(tool) or die(f"{tool} is not on PATH")
    os.access(options.meshdx, os.X_OK) or die(f"there is no meshdx at {options.meshdx}: ./dev build")


def chosen(options):
    """The scenarios to run, in the order of the files. An unknown id ends the run."""
    everything = scenario.load()
    unknown = set(options.scenarios) - {s.id for s in everything}
    if unknown:
        die(f"there is no scenario {sorted(unknown)[0]}: see ./dev live --list", 64)
    picked = [s for s in everything if not options.scenarios or s.id in options.scenarios]
    barred = [s for s in picked if s.mesh_wide and not options.mesh_wide]
    if barred and not options.list:
        names = ", ".join(s.id for s in barred)
        if options.scenarios:
            die(f"{names}: this breaks what the whole mesh shares: add --mesh-wide when that is meant", 64)
        print(f"live: left out without --mesh-wide: {names}", file=sys.stderr)
    return [s for s in picked if options.list or not s.mesh_wide or options.mesh_wide]


def possible(scenarios):
    """Those whose needs the cluster meets; of the others it says what is missing. Each need is looked at once."""
    scenarios, met = list(scenarios), {}
    for s in scenarios:
        for need, command in s.needs.items():
            if need not in met:
                met[need] = cluster.run(["bash", "-c", command])[0] == 0
    out = [s for s in scenarios if not all(met[need] for need in s.needs)]
    for s in out:
        print(f"live: left out: {s.id} needs {', '.join(need for need in s.needs if not met[need])}", file=sys.stderr)
    return [s for s in scenarios if s not in out]


class Results:
    """The rows so far, in a file when one is named, so that a long run loses nothing."""

    def __init__(self, path):
        self.path, self.rows, self.lock = path, {}, threading.Lock()
        self.read()

    def read(self):
        if self.path and os.path.exists(self.path):
            with open(self.path) as file:
                self.rows |= {row["scenario"]: Row(**row) for row in json.load(file)["rows"]}

    def right(self, name):
        return name in self.rows and self.rows[name].right

    def add(self, row):
        with self.lock:
            self.read()   # another run may write to the same file
            self.rows[row.scenario] = row
            print(table.line(row), flush=True)
            if self.path:
                text = json.dumps({"format": "meshdx.live/v1", "rows": [vars(r) for r in self.rows.values()]}, indent=1, ensure_ascii=False)
                part = f"{self.path}.part"
                pathlib.Path(part).write_text(text + "\n")
                os.replace(part, self.path)


def run_all(todo, setup, results, parallel):
    """Runs namespaced scenarios side by side, then mesh-wide ones one by one."""
    run_id = secrets.token_hex(2)

    def one(n, s):
        if not cluster.stop.is_set():
            results.add(Trial(s, f"meshdx-live-{run_id}-{n}", setup).run())

    numbered = list(enumerate(todo, 1))
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        waiting = [pool.submit(one, n, s) for n, s in numbered if not s.mesh_wide]
        for done in waiting:
            done.result()
    for n, s in numbered:
        if s.mesh_wide:
            one(n, s)


def setup_of(options):
    labels = {"istio.io/rev": options.revision} if options.revision else {"istio-injection": "enabled"}
    return Setup(os.path.abspath(options.meshdx), options.image, options.gateway, labels, options.keep or "", shlex.split(options.flags), max(1, options.slow), options.peers)


def watch_signals(options):
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, on_signal)
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)


def write_all(options):
    confirm(options)
    watch_signals(options)
    try:
        right = writes.run(options.scenarios, setup_of(options), f"meshdx-live-{secrets.token_hex(2)}", options.json)
    except cluster.Interrupted:
        return 130
    return 130 if cluster.stop.is_set() else 0 if right else 1


def on_signal(_number, _frame):
    if not cluster.stop.is_set():
        print("live: stopping; the namespaces are being removed", file=sys.stderr)
    cluster.stop.set()


def main():
    options = arguments()
    if options.show or options.resume:
        options.json or die("say which results with --json FILE", 64)
    if options.show:
        rows = Results(options.json).rows.values()
        if options.peers:
            print(table.side_by_side(rows))
        else:
            print("\n".join([table.HEAD, *map(table.line, rows), table.summary(rows, ROOT / "playbooks/causes")]))
        return 0
    if options.writes:
        return write_all(options)
    todo = chosen(options)
    if options.list:
        print(table.listing(todo))
        return 0
    confirm(options)
    watch_signals(options)
    results = Results(options.json)
    todo = possible(s for s in todo if not (options.resume and results.right(s.id)))
    print(table.HEAD, flush=True)
    try:
        run_all(todo, setup_of(options), results, max(1, options.parallel))
    except cluster.Interrupted:
        pass
    print(table.summary(results.rows.values(), ROOT / "playbooks/causes"))
    if options.peers:
        print("\n" + table.side_by_side(results.rows.values()))
    if cluster.stop.is_set():
        return 130
    return 0 if all(row.right for row in results.rows.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (scenario.BadScenario, cluster.Failed) as error:
        die(str(error))
