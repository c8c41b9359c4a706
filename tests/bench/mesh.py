#!/usr/bin/env python3
"""Times meshdx on the mesh of the current kubeconfig against the commands a person would run by hand.

mesh.py MESHDX -n NAMESPACE --from WORKLOAD SERVICE [--rounds N]

Both sides run in turn in every round, so a slow moment of the machine hits both; medians and the ratio of each round's
pair are printed. Reads only. Times vary with the machine: nothing here passes or fails.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import yaml


def pod_of(namespace, app):
    """The first running pod of a workload, by its app label."""
    listed = subprocess.run(["kubectl", "get", "pods", "-n", namespace, "-l", f"app={app}", "-o", "json"], capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"mesh.py: pods of {namespace} cannot be listed: {listed.stderr.strip()}")
    running = [p["metadata"]["name"] for p in json.loads(listed.stdout)["items"] if p["status"].get("phase") == "Running"]
    if not running:
        sys.exit(f"mesh.py: no running pod in {namespace} has label app={app}")
    return running[0]


def seconds(commands):
    """How long the commands take one after the other. One that fails would make the figure meaningless."""
    began = time.monotonic()
    for argv in commands:
        ended = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if ended.returncode not in (0, 2, 3):
            sys.exit(f"mesh.py: {' '.join(argv)} ended with {ended.returncode}: {ended.stderr.strip()}")
    return time.monotonic() - began


def row(name, values):
    return f"  {name:34} {statistics.median(values):6.2f}   {min(values):.2f} to {max(values):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("meshdx")
    parser.add_argument("service")
    parser.add_argument("-n", "--namespace", required=True)
    parser.add_argument("--from", dest="client", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    names = {"service": args.service, "ns": args.namespace, "client": pod_of(args.namespace, args.client), "server": pod_of(args.namespace, args.service)}
    cases = yaml.safe_load((pathlib.Path(__file__).parent / "drills.yaml").read_text())
    fill = lambda lines: [line.format(**names).split() for line in lines]
    chain = fill(cases.pop("chain"))
    for question, case in cases.items():
        ask = [[args.meshdx, *question.format(**names).split(), "-n", args.namespace, "--from", args.client]]
        drill = fill(case["drill"])
        times = {"meshdx": [], "drill": [], "chain": []}
        seconds(ask)   # warm: kubectl's discovery cache
        for _ in range(args.rounds):
            times["meshdx"].append(seconds(ask))
            times["drill"].append(seconds(drill))
            times["chain"].append(seconds(chain))
        ratio = statistics.median(d / m for d, m in zip(times["drill"], times["meshdx"]))
        over = statistics.median(m / c for m, c in zip(times["meshdx"], times["chain"]))
        print(f"meshdx {question.format(**names)}: {ratio:.1f} x as fast as the drill's {len(drill)} commands, {over:.2f} x its longest chain alone (seconds: median, range)")
        print(row("meshdx", times["meshdx"]))
        print(row("the drill's commands in turn", times["drill"]))
        print(row("the longest chain alone", times["chain"]), flush=True)


main()
