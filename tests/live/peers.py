"""What istioctl itself says of the same broken mesh: its `analyze`, and its `x describe` of every pod and Service of the scenario."""
import json
import pathlib
import re

import yaml

import cluster

RULES = pathlib.Path(__file__).resolve().parent / "peers.yaml"
VERDICTS = ("named", "hinted", "silent")


def _analyze(namespace):
    """One line a message: code, level, object, words. Exit 79 only says that there are errors among them."""
    _, out, _ = cluster.run(["istioctl", "analyze", "-n", namespace, "-o", "json"], timeout=120)
    try:
        messages = json.loads(out or "[]") or []
    except json.JSONDecodeError:
        return [line.strip() for line in out.splitlines() if line.strip()]
    return [f"{m['code']} {m['level']} ({m.get('origin', '')}) {m['message']}" for m in messages]


def _describe(namespace):
    """All lines that describe prints of the pods and Services of a namespace."""
    _, out, _ = cluster.run(["kubectl", "get", "pods,services", "-n", namespace, "-o", "name"])
    lines = []
    for kind, name in (line.split("/") for line in out.split()):
        _, told, err = cluster.run(["istioctl", "x", "describe", kind, name, "-n", namespace], timeout=120)
        lines += [line.strip() for line in (told + err).splitlines() if line.strip(" -")]
    return list(dict.fromkeys(lines))


def listen(namespaces):
    """Asks both of them about these namespaces: {"analyze": lines, "describe": lines}."""
    return {"analyze": [line for n in namespaces for line in _analyze(n)], "describe": [line for n in namespaces for line in _describe(n)]}


def rules(path=RULES):
    """By cause, and by who speaks (`analyze`, `describe`), the words that `named` it and those that `hinted` at it."""
    return yaml.safe_load(path.read_text())


def verdict(cause, who, lines, known):
    """(verdict, the line it rests on): `named` when the words tell what to repair, `hinted` when they point near it."""
    words = known.get(cause, {}).get(who, {})
    for found in VERDICTS[:2]:
        pattern = re.compile(words[found]) if found in words else None
        line = next((line for line in lines if pattern and pattern.search(line)), "")
        if line:
            return found, line
    return "silent", ""
