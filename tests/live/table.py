"""The table that a run prints: one line a scenario, what was wrong below it."""
import pathlib
import statistics

import yaml

import peers

NOT_SHOWN = pathlib.Path(__file__).resolve().parent / "not-shown.yaml"
COLUMNS = (("scenario", 31), ("cause", 41), ("rank", 4), ("state", 10), ("s", 5), ("asked", 5), ("fix heals", 11), ("verify", 6), ("undo restores", 13))
HEAD = "  ".join(name.ljust(width) for name, width in COLUMNS) + "  right"


def line(row):
    """A row; a fix that took effect says after how many seconds."""
    heals = f"yes {row.healed_after:.0f} s" if row.heals == "yes" and row.healed_after else row.heals
    values = (row.scenario, row.cause, row.rank, row.state, f"{row.seconds:.1f}", row.asked, heals, row.verify, row.undo)
    text = "  ".join(str(value).ljust(width) for value, (_, width) in zip(values, COLUMNS)) + ("  right" if row.right else "  WRONG")
    if row.advice and not row.wrong:
        text += f"\n    {'why 2' if row.verify == '2' else 'advice'}: {row.advice}"
    return "\n".join([text, *(f"    ! {why}" for why in row.wrong)])


def listing(scenarios):
    widest = max((len(s.id) for s in scenarios), default=0)
    lines = [f"{s.id.ljust(widest)}  {s.cause}{'  (mesh-wide)' if s.mesh_wide else ''}" for s in scenarios]
    return "\n".join([*lines, f"{len(scenarios)} scenarios, {sum(s.healthy for s in scenarios)} of them healthy"])


def with_command(causes):
    """The causes of a folder of playbooks that have a fix with a command."""
    found = set()
    for path in sorted(causes.glob("*.yaml")):
        cause = yaml.safe_load(path.read_text())
        if any("patch" in fix or "create" in fix for fix in cause.get("fixes", [])):
            found.add(cause["id"])
    return found


def _by_drill(rows):
    """For each drill: how many of its faults and of its healthy meshes were told right."""
    drills = {}
    for row in rows:
        drills.setdefault(row.drill or "?", []).append(row)
    parts = []
    for drill, of in drills.items():
        right = [sum(r.right for r in part) for part in ([r for r in of if r.expected != "none"], [r for r in of if r.expected == "none"])]
        total = [sum(r.expected != "none" for r in of), sum(r.expected == "none" for r in of)]
        parts.append(f"{drill} {right[0]}/{total[0]} + {right[1]}/{total[1]}")
    return ", ".join(parts)


def _times(rows):
    seconds = sorted(r.seconds for r in rows if r.asked)
    return f"median {statistics.median(seconds):.1f} s, p90 {seconds[int(len(seconds) * 0.9)]:.1f} s" if seconds else "nothing was asked"


def _left(causes, healed):
    """The causes with a fix to paste that were not healed by it; of those that no scenario can show it says why."""
    why = yaml.safe_load(NOT_SHOWN.read_text()) or {}
    left = sorted(with_command(causes) - healed)
    lines = ["causes with a fix to paste, not healed by it: " + (", ".join(c for c in left if c not in why) or "none")]
    return lines + [f"  cannot be shown here: {cause}: {why[cause]}" for cause in left if cause in why]


def summary(rows, causes):
    """The figures of all rows, and which causes with a fix to paste were not healed by it."""
    rows = list(rows)
    faults, healthy = [r for r in rows if r.expected != "none"], [r for r in rows if r.expected == "none"]
    pasted, asked = [r for r in faults if r.fix], [r for r in healthy if r.asked]
    parts = [
        f"{len(rows)} scenarios: {sum(r.right for r in rows)} right",
        f"{len(faults)} faults: {sum(r.rank == '1' for r in faults)} with the cause first, {sum(r.state == 'confirmed' for r in faults)} confirmed",
        f"{len(pasted)} fixes pasted: {sum(r.heals == 'yes' for r in pasted)} heal, {sum(r.verify in ('yes', '2') for r in pasted)} verified "
        f"({sum(r.verify == '2' for r in pasted)} rightly with 2), {sum(r.undo == 'yes' for r in pasted)} undone with the fault back",
        f"{len(healthy)} healthy meshes: {sum(r.right for r in asked)} called so, {sum(not r.right for r in asked)} false alarms, {len(healthy) - len(asked)} could not be asked about",
        f"right by drill, faults + healthy: {_by_drill(rows)}",
        f"to the verdict: {_times(rows)}",
    ]
    return "\n" + "\n".join(parts + _left(causes, {r.cause for r in pasted if r.heals == "yes"}))


def side_by_side(rows):
    """For each fault about which istioctl was asked too: who names its cause, and the words that do."""
    known, counts, lines = peers.rules(), {}, []
    faults = [r for r in rows if r.expected != "none" and r.peers]
    for row in faults:
        told = {"meshdx": ("named" if row.rank == "1" else "hinted" if row.rank != "-" else "silent", "")}
        told |= {who: peers.verdict(row.expected, who, row.peers[who], known) for who in ("analyze", "describe")}
        for who, (verdict, _) in told.items():
            counts.setdefault(who, []).append(verdict)
        cells = "  ".join(verdict.ljust(8) for verdict, _ in told.values())
        lines += [f"{row.scenario:38}  {row.expected:42}  {cells}", *(f"      {who}: {words[:150]}" for who, (_, words) in told.items() if words)]
    head = f"{'scenario':38}  {'cause':42}  {'meshdx':8}  {'analyze':8}  describe"
    sums = [f"{who}: " + ", ".join(f"{verdicts.count(v)} {v}" for v in peers.VERDICTS) for who, verdicts in counts.items()]
    return "\n".join([head, *lines, "", f"{len(faults)} faults", *sums])
