#!/usr/bin/env python3
"""What of ./dev live can be seen without a cluster: check.py MESHDX FIXTURES. Its data is sound, and what it would paste is what meshdx prints."""
import json
import pathlib
import re
import subprocess
import sys

import peers
import printed
import scenario
import writes

NAMES = {"NS": "live-1", "LEGACY": "live-1-legacy", "OTHER": "live-1-other", "HOST": "live-1.example.com", "IMAGE": "echo", "GATEWAY": "gateway", "POD": "10.0.0.1", "EXT": "10-0-0-1.live.pod.cluster.local"}


def check_scenarios():
    """Every entry loads, its objects and its question can be made, and nothing is left to fill in."""
    for s in scenario.load():
        question = scenario.question(s, NAMES, [s.sees])
        text = scenario.manifest(s, NAMES) + scenario.sample(s, NAMES) + " ".join(question)
        left = [name for name in NAMES if f"${name}" in text]
        assert not left, f"{s.id}: ${left[0]} is left in what it applies or asks"
        assert not (s.healthy and s.sees != "200"), f"{s.id}: a healthy mesh answers 200"


def check_writes():
    """Every entry loads, and what it pastes is read from the text as it is printed."""
    for write in writes.load():
        text = " ".join(scenario.expand(word, NAMES) for word in write.write) + scenario.sample(write.scenario, NAMES) + scenario.manifest(write.scenario, NAMES)
        left = [name for name in NAMES if f"${name}" in text]
        assert not left, f"writes.yaml: {write.id}: ${left[0]} is left"
    text = "Title\n\nAPPLY 1 new X a/b: c\nkubectl create -f - <<'EOF'\na: 1\nEOF\nAPPLY 2 Y a/b: c\n  kubectl patch y b\nUNDO\nkubectl patch y b -p 1\nkubectl delete x b\nVERIFY meshdx canary b\n"
    wanted = (["kubectl create -f - <<'EOF'\na: 1\nEOF", "kubectl patch y b"], ["kubectl patch y b -p 1", "kubectl delete x b"], "meshdx canary b")
    assert printed.parse_written(text) == wanted, printed.parse_written(text)
    assert writes.fits(writes.shares(["a", "a", "b", "b"]), {"a": [50, 50], "b": [40, 60]})
    assert not writes.fits({"a": 100.0}, {"a": [0, 100], "b": [1, 100]}) and not writes.fits({"a": 50.0, "c": 50.0}, {"a": [0, 100]})


def check_peers(causes):
    """The words by which istioctl names a cause are of causes there are, and every pattern is one. What names a cause is found in it."""
    known = peers.rules()
    unknown = set(known) - {path.stem for path in causes.glob("*.yaml")}
    assert not unknown, f"peers.yaml: there is no cause {sorted(unknown)[0]}"
    for cause, who in known.items():
        for name, words in who.items():
            assert name in ("analyze", "describe") and set(words) <= {"named", "hinted"}, f"peers.yaml: {cause}: {name}: {words}"
            [re.compile(pattern) for pattern in words.values()]
    line = 'IST0101 Error (VirtualService live-1/web) Referenced host not found: "wep"'
    assert peers.verdict("destination-host-not-found", "analyze", [line], known) == ("named", line)
    assert peers.verdict("destination-port-not-found", "analyze", [line], known) == ("silent", "")


def check_printed(meshdx, fixtures):
    """The commands in the text of a report are those of its JSON, to the letter."""
    pasted = 0
    for folder in sorted(pathlib.Path(fixtures).iterdir()):
        text, out = (subprocess.run([meshdx, "replay", str(folder), "-o", form], capture_output=True, text=True).stdout for form in ("text", "json"))
        assert out, f"{folder.name}: no report"
        found, told = printed.parse(text), printed.of_json(json.loads(out))
        assert found == told, f"{folder.name}: the text prints {found}, the JSON {told}"
        wanted = json.loads((folder / "label.json").read_text()).get("pastes", "")
        assert found.fix.startswith(wanted), f"{folder.name}: the label wants {wanted} to be pasted, the report prints {found.fix or 'no command'}"
        pasted += bool(found.fix)
    assert pasted > 10, f"only {pasted} fixtures print a fix to paste"


if __name__ == "__main__":
    check_scenarios()
    check_writes()
    check_peers(pathlib.Path(__file__).resolve().parents[2] / "playbooks/causes")
    check_printed(*sys.argv[1:])
