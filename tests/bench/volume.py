#!/usr/bin/env python3
"""Times meshdx on much input: a gigabyte of log through a pipe, and a proxy's dump of 136 MB.

volume.py MESHDX FIXTURE [--rounds N]

The fixture is asked twice, as it was recorded and with the one output grown: the difference is what the bytes cost.
Medians; both sides run in turn in every round. Times vary with the machine: nothing here passes or fails.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

LOG, DUMP = 1_000_000_000, 136_000_000


def measured(argv, env):
    """Seconds by the clock, seconds of CPU, peak memory in MB of the process itself, and how long its slowest `kubectl logs` took."""
    began = time.monotonic()
    report = tempfile.TemporaryFile("w+")
    child = subprocess.Popen([*argv, "-o", "json"], env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=report, stderr=subprocess.DEVNULL)
    peak = 0
    while True:
        try:
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            peak = max(peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
        except (OSError, TypeError):
            pass
        done, _, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            child.returncode = 0
            wall = time.monotonic() - began
            report.seek(0)
            logs = [step.get("ms", 0) for step in json.load(report)["steps"] if "logs" in step["command"]]
            return wall, usage.ru_utime + usage.ru_stime, peak / 1000, max(logs, default=0) / 1000
        time.sleep(0.002)


def both(small, big, rounds):
    """What the grown output costs: seconds by the clock, of CPU, the two peaks of memory, and seconds of the log's command."""
    pairs = [(measured(*small), measured(*big)) for _ in range(rounds)]
    median = lambda pick: statistics.median(pick(s, b) for s, b in pairs)
    return median(lambda s, b: b[0] - s[0]), median(lambda s, b: b[1] - s[1]), median(lambda s, b: s[2]), median(lambda s, b: b[2]), median(lambda s, b: b[3] - s[3])


def log(meshdx, fixture, folder, rounds):
    for name in ("kubectl", "istioctl"):
        (folder / name).symlink_to(pathlib.Path(__file__).resolve().parent / "canned.py")
    recording = json.loads((fixture / "recording.json").read_text())
    size = max(c["stdout"]["bytes"] for c in recording["commands"] if c["argv"][:2] == ["kubectl", "logs"])
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "CANNED_RECORDING": str(fixture)}
    ask = [meshdx, *recording["args"], "--log-lines", "1000000"]
    _, _, before, peak, wall = both((ask, env), (ask, {**env, "CANNED_COPIES": str(LOG // size)}), rounds)
    print(f"1 GB of access log through a pipe: {wall:.2f} s, {LOG / wall / 1e9:.1f} GB/s; {peak - before:.0f} MB more memory than a short log's {before:.0f} (goal: 1 GB/s, 10 MB)")


def grown(fixture, folder):
    """The fixture with the caller's clusters repeated to DUMP bytes."""
    shutil.copytree(fixture, folder)
    recording = json.loads((folder / "recording.json").read_text())
    for command in recording["commands"]:
        if command["argv"][:3] != ["istioctl", "proxy-config", "clusters"]:
            continue
        file = folder / command["stdout"]["file"]
        inner = file.read_text().strip()[1:-1].rstrip()
        text = ("[" + ",".join([inner] * (DUMP // len(inner))) + "\n]\n").encode()
        file.write_bytes(text)
        command["stdout"].update(bytes=len(text), sha256=hashlib.sha256(text).hexdigest())
        break
    (folder / "recording.json").write_text(json.dumps(recording))
    return folder


def dump(meshdx, fixture, folder, rounds):
    big = grown(fixture, folder / "dump")
    wall, cpu, _, peak, _ = both(([meshdx, "replay", str(fixture)], {}), ([meshdx, "replay", str(big)], {}), rounds)
    print(f"a proxy dump of {DUMP // 1_000_000} MB: {wall:.2f} s ({cpu:.2f} s of CPU), {peak:.0f} MB (goal: 0.4 s, 150 MB)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("meshdx", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("fixture", type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log(args.meshdx, args.fixture, pathlib.Path(folder), args.rounds)
        dump(args.meshdx, args.fixture, pathlib.Path(folder), args.rounds)


main()
