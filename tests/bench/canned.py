#!/usr/bin/env python3
"""Stands for kubectl and istioctl: answers from the recording that CANNED_RECORDING names, a log CANNED_COPIES times over."""
import json
import os
import pathlib
import sys

recording = pathlib.Path(os.environ["CANNED_RECORDING"])
argv = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
is_log = argv[:2] == ["kubectl", "logs"]
same = lambda words: [word for word in words if not word.startswith("--tail=")]
for command in json.loads((recording / "recording.json").read_text())["commands"]:
    if same(command["argv"]) != same(argv):
        continue
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        text = (recording / command[name]["file"]).read_bytes() if name in command else b""
        copies = int(os.environ.get("CANNED_COPIES", "1")) if is_log and name == "stdout" else 1
        block = text * min(copies, max(1, (1 << 20) // max(1, len(text))))
        left = len(text) * copies
        while left > 0:
            left -= os.write(stream.fileno(), block[:left])
    sys.exit(command["exit"] or 0)
print("Error: no such command is canned", file=sys.stderr)
sys.exit(1)
