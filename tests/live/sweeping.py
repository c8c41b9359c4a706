"""A sweep instead of a diagnosis: all that is wrong in a namespace, nothing in the one beside it, and the same in shards."""
import json

import cluster
from cluster import Failed
from scenario import expand

SHARDS = 2


class Swept:
    """What a sweep said of the scenario's own namespaces; a cluster may hold others, with faults of their own."""

    def __init__(self, trial, words, spaces):
        code, out, err = cluster.run([trial.setup.meshdx, "sweep", *words, "-o", "json", *trial.setup.flags], env=trial.env)
        if code not in (0, 2, 3):
            raise Failed(f"meshdx sweep {' '.join(words)} ended with {code}: {(err or out).strip()[-300:]}")
        said = json.loads(out)
        own = tuple(f" {space}/" for space in spaces)
        self.code, self.unread = code, said["unread"]
        self.problems = [p for p in said["problems"] if any(mark in subject for mark in own for subject in p["hurts"])]
        self.checked = {c["object"]: c["state"] for c in said["checked"] if any(mark in c["object"] for mark in own)}

    def named(self):
        return [f"{p['id']} {p['object']}" for p in self.problems]

    def open(self):
        return [name for name, state in self.checked.items() if state == "undecided"]


def judge(trial):
    """Sweeps the scenario's namespaces in every way and tells the row what is wrong with the answers."""
    s, row, names = trial.scenario, trial.row, trial.names
    both = (names["NS"], names["OTHER"])
    broken = Swept(trial, ["-n", names["NS"]], both[:1])
    wanted = sorted(expand(line, names) for line in s.finds)
    first = broken.problems[0] if broken.problems else {"id": "healthy", "state": "-"}
    row.cause, row.state, row.rank = first["id"], first["state"], "1" if first["id"] == s.cause else "-"
    if sorted(broken.named()) != wanted:
        row.fail(f"it names {broken.named()}, not {wanted}")
    if row.rank != "1":
        row.fail(f"{first['id']} stands first, not {s.cause}")
    if broken.unread or broken.open():
        row.fail(f"not read: {broken.unread}; not decided: {broken.open()}")
    well = Swept(trial, ["-n", names["OTHER"]], both[1:])
    if well.code != 0 or not well.checked:
        row.fail(f"the healthy namespace beside it: exit {well.code}, {well.checked}, {well.named()}")
    whole = Swept(trial, ["-A"], both)
    parts = [Swept(trial, ["-A", "--shard", f"{i}/{SHARDS}"], both) for i in range(SHARDS)]
    if sorted(whole.named()) != wanted:
        row.fail(f"-A names {whole.named()}, not {wanted}")
    if {name for part in parts for name in part.named()} != set(wanted):
        row.fail(f"the shards name {[part.named() for part in parts]}, not {wanted}")
    if sorted(name for part in parts for name in part.checked) != sorted(whole.checked) or any(part.open() for part in parts):
        row.fail(f"the shards check {[part.checked for part in parts]}, the whole {whole.checked}")
