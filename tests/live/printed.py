"""What a person would paste: the commands of a text report, exactly as they are printed."""
import re
from dataclasses import dataclass

HEADING = re.compile(r"^(CAUSE|APPLY|FIX|UNDO|VERIFY|HINT|INCONCLUSIVE|MISSING|NOTES|RULED OUT|NOT CHECKED|STEPS)\b")


@dataclass
class Printed:
    """Commands of the first cause's first fix that has one; each is "" when the report prints none."""
    fix: str = ""
    undo: str = ""
    verify: str = ""


def _blocks(text):
    """(heading line, lines below it) for each headed part."""
    blocks = []
    for line in text.splitlines():
        if HEADING.match(line):
            blocks.append((line, []))
        elif blocks:
            blocks[-1][1].append(line)
    return blocks


def _command(lines):
    """The command below a heading: one indented line, or from a line at the margin on to the end of its here-document."""
    for n, line in enumerate(lines):
        if line.startswith("kubectl "):
            end = next((i for i in range(n, len(lines)) if lines[i] == "EOF"), None)
            return "\n".join(lines[n:end + 1]) if end is not None else line
        if line.startswith("  kubectl "):
            return line[2:]
    return ""


def parse(text):
    """Reads a report printed with -o text."""
    found, causes = Printed(), 0
    for heading, lines in _blocks(text):
        word = heading.split()[0]
        causes += word == "CAUSE"
        if word == "VERIFY" and not found.verify:
            found.verify = heading.removeprefix("VERIFY").strip()
        if causes != 1:
            continue
        if word == "FIX" and not found.fix:
            found.fix = _command(lines)
        elif word == "UNDO" and found.fix and not found.undo:
            found.undo = heading.removeprefix("UNDO").strip() or _command(lines)
    return found


def parse_written(text):
    """What `meshdx write` prints: (the commands to paste in their order, those that take them back, VERIFY)."""
    apply, undo, verify = [], [], ""
    for heading, lines in _blocks(text):
        word, _, rest = heading.partition(" ")
        if word == "APPLY":
            apply.append(_command(lines))
        elif word == "UNDO":
            undo = [rest.strip()] if rest.strip() else [one for one in lines if one.startswith("kubectl ")]
        elif word == "VERIFY":
            verify = rest.strip()
    return apply, undo, verify


def _told_first(report):
    """The part of a report that its text tells first: of several hops the end of the first chain that has a cause."""
    hops = report.get("hops", [])
    if len(hops) < 2:
        return report
    for root in (hop for hop in hops if hop["why"] != "followed"):
        while "next" in root and hops[root["next"]["hop"]]["causes"]:
            root = hops[root["next"]["hop"]]
        if root["causes"]:
            return root
    return report


def of_json(report):
    """The same commands out of a meshdx.report/v1."""
    part = _told_first(report)
    fixes = part["causes"][0]["fixes"] if part["causes"] else []
    first = next((f for f in fixes if f.get("command")), {})
    return Printed(first.get("command", ""), first.get("undo", ""), part["verify"] if part["outcome"] != "healthy" else "")
