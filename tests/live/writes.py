"""`./dev live --writes`: what `meshdx write` prints is pasted exactly as printed, and traffic measured before, after, and after its UNDO."""
import json
import pathlib
import time
from collections import Counter
from dataclasses import dataclass, field

import yaml

import cluster
import printed
from cluster import Failed
from scenario import BadScenario, FOLDER, Scenario, expand
from trial import LOG_DELAY, Trial

KINDS = "virtualservices.networking.istio.io,destinationrules.networking.istio.io,sidecars.networking.istio.io,peerauthentications.security.istio.io"
HEAD = "| configuration | before | pasted | after UNDO | VERIFY | right |\n| --- | --- | --- | --- | --- | --- |"


@dataclass
class Write:
    """One entry of writes.yaml."""
    id: str
    write: list
    before: dict
    after: dict
    about: str = ""
    pods: list = field(default_factory=lambda: ["client", "web"])
    objects: dict = field(default_factory=dict)
    given: str = ""
    source: str = "client"
    traffic: str = ""
    here: str = ""
    proof: str = ""
    verify: int = 0
    write_first: bool = False

    @property
    def scenario(self):
        return Scenario(self.id, "none", "write", "200", pods=self.pods, objects=self.objects, given=self.given)


@dataclass
class WriteRow:
    scenario: str
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)
    undone: dict = field(default_factory=dict)
    applied: list = field(default_factory=list)
    verify: str = "-"
    proof: str = ""
    wrong: list = field(default_factory=list)

    @property
    def right(self):
        return not self.wrong

    def fail(self, why):
        self.wrong.append(why)


def load(path=FOLDER / "writes.yaml"):
    """All entries. Raises BadScenario."""
    found = []
    for entry in yaml.safe_load(path.read_text()):
        values = {("source" if key == "from" else key.replace("-", "_")): value for key, value in entry.items()}
        unknown = set(values) - set(Write.__dataclass_fields__)
        if unknown:
            raise BadScenario(f"{path.name}: {entry.get('id')}: unknown key {sorted(unknown)[0]}")
        one = Write(**values)
        if bool(one.traffic) == bool(one.here):
            raise BadScenario(f"{path.name}: {one.id}: one of traffic and here measures")
        found.append(one)
    return found


def shares(words):
    """Percent by word."""
    counts = Counter(words)
    return {word: round(100 * n / len(words), 1) for word, n in sorted(counts.items())}


def fits(measured, wanted):
    """Whether every share lies in its range; a word without one must not come up."""
    return bool(measured) and all(low <= measured.get(word, 0) <= high for word, (low, high) in wanted.items()) and set(measured) <= set(wanted)


class WriteTrial(Trial):
    """Prepare, measure, ask, paste, measure, verify, undo, measure."""

    def __init__(self, write, namespace, setup):
        super().__init__(write.scenario, namespace, setup)
        self.write, self.row = write, WriteRow(write.id)
        self.patience = 90 * setup.slow

    def run(self):
        try:
            self._prepare()
            self._break()
            self._paste_and_measure()
        except Failed as error:
            self.row.fail(str(error))
        finally:
            self._tidy()
        return self.row

    def _words(self):
        if self.write.here:
            return self._shell(self.write.here, "it could not be measured").split()
        script = expand(self.write.traffic, self.names)
        code, out, err = cluster.run(["kubectl", "exec", "-n", self.names["NS"], f"deploy/{self.write.source}", "-c", "app", "--", "bash", "-c", script], timeout=300)
        if code != 0 and not out:
            raise Failed(f"it could not be measured: {err.strip()[-200:]}")
        return out.split()

    def _measured(self, wanted, when):
        """Measures until the shares are as wanted, or for as long as patience lasts: the last shares."""
        until = time.monotonic() + self.patience
        while True:
            found = shares(self._words())
            if fits(found, wanted):
                return found
            if time.monotonic() > until:
                self.row.fail(f"{when}: {found}, not {wanted}")
                return found
            time.sleep(1)

    def _objects(self):
        """What is configured in the namespaces, without what the API server keeps for itself."""
        state = {}
        for space in (self.names["NS"], self.names["LEGACY"]):
            listed = json.loads(cluster.must(["kubectl", "get", KINDS, "-n", space, "-o", "json"], "the objects could not be read"))
            state |= {f"{o['kind']} {space}/{o['metadata']['name']}": o.get("spec") for o in listed["items"]}
            namespace = json.loads(cluster.must(["kubectl", "get", "namespace", space, "-o", "json"], "the namespace could not be read"))
            state[space] = namespace["metadata"].get("labels")
        return state

    def _printed(self):
        """The commands of the text, which must be those of the JSON."""
        arguments = ["write", *(expand(word, self.names) for word in self.write.write)]
        text = cluster.must([self.setup.meshdx, *arguments, *self.setup.flags], f"meshdx {' '.join(arguments)}", env=self.env)
        told = json.loads(cluster.must([self.setup.meshdx, *arguments, *self.setup.flags, "-o", "json"], "meshdx -o json", env=self.env))
        if self.setup.keep:
            pathlib.Path(self.setup.keep, f"write-{self.write.id}.txt").write_text(f"$ meshdx {' '.join(arguments)}\n{text}")
        found = printed.parse_written(text)
        if found != (told_commands := ([step["command"] for step in told["apply"]], told["undo"], told["verify"])):
            raise Failed(f"the text prints {found}, the JSON {told_commands}")
        for step in told["apply"]:
            if step["dryRun"]:
                self._paste_line(step["dryRun"], "the dry run")
        return found

    def _paste_line(self, command, what):
        code, out, err = cluster.run(["bash", "-c", command], env=self.env, timeout=300)
        if code != 0:
            raise Failed(f"{what} was refused: {(err or out).strip()[-300:]} ({command})")

    def _paste_and_measure(self):
        row, write = self.row, self.write
        before = self._objects()
        commands = self._printed() if write.write_first else None
        row.before = self._measured(write.before, "before")
        apply, undo, verify = commands or self._printed()
        for command in apply:
            self._paste_line(command, "APPLY")
        row.applied = sorted(name for name, spec in self._objects().items() if before.get(name) != spec)
        row.after = self._measured(write.after, "pasted")
        if write.proof:
            row.proof = self._shell(write.proof, "the proof failed").strip()
        row.verify = str(self._verified(verify))
        for command in undo:
            self._paste_line(command, "UNDO")
        row.undone = self._measured(write.before, "after UNDO")
        left = self._objects()
        changed = [name for name in {*before, *left} if before.get(name) != left.get(name)]
        if changed:
            row.fail(f"after UNDO {', '.join(sorted(changed))} is not as before")

    def _verified(self, command):
        """VERIFY's exit code, pasted until it is as wanted: requests and pushes take a moment to show."""
        until = time.monotonic() + self.patience
        while True:
            self._words()   # VERIFY counts what was sent lately
            time.sleep(LOG_DELAY)
            code, out, err = cluster.run(["bash", "-c", command], env=self.env, timeout=300)
            if code == self.write.verify or time.monotonic() > until:
                break
            time.sleep(2)
        if code != self.write.verify:
            self.row.fail(f"VERIFY ({command}) ends with {code}, not {self.write.verify}: {(err or out).strip()[-300:]}")
        return code


def cell(measured):
    return ", ".join(f"{word} {share:g} %" for word, share in measured.items()) or "-"


def line(row):
    state = "yes" if row.right else "**no**: " + "; ".join(row.wrong)
    after = cell(row.after) + (f" ({row.proof} lines UO)" if row.proof else "")
    return f"| {row.scenario} | {cell(row.before)} | {after} | {cell(row.undone)} | {row.verify} | {state} |".replace("\n", " ")


def run(chosen, setup, namespace, path):
    """Runs the entries one by one and prints the table; all right?"""
    known = load()
    unknown = set(chosen) - {w.id for w in known}
    if unknown:
        raise BadScenario(f"there is no {sorted(unknown)[0]} in writes.yaml: {', '.join(w.id for w in known)}")
    rows = []
    print(HEAD, flush=True)
    for n, write in enumerate(known, 1):
        if (chosen and write.id not in chosen) or cluster.stop.is_set():
            continue
        rows.append(WriteTrial(write, f"{namespace}-w{n}", setup).run())
        print(line(rows[-1]), flush=True)
        if path:
            pathlib.Path(path).write_text(json.dumps({"format": "meshdx.live-writes/v1", "rows": [vars(r) | {"right": r.right} for r in rows]}, indent=1) + "\n")
    return all(row.right for row in rows)
