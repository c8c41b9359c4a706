"""One scenario on the cluster: break, see it, ask meshdx, paste its fix, see it healed, verify, undo, see it broken again."""
import json
import os
import re
import shlex
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field

import yaml

import cluster
import peers
import printed
import sweeping
from cluster import Failed
from scenario import expand, manifest, question, sample

ASKED = 3         # an inconclusive answer, which asks to look again, is asked for so often: a push may be on its way
LOG_DELAY = 1.5   # seconds until a request's line can be read with `kubectl logs`
PAUSE = 1.0       # between two looks at the traffic


@dataclass
class Setup:
    """What all trials share: where meshdx is, and what the cluster needs to run the sample."""
    meshdx: str
    image: str
    gateway: str
    labels: dict
    keep: str
    flags: list
    slow: int
    peers: bool = False


@dataclass
class Row:
    """The result of a scenario; `yes`, `no`, or why neither applies."""
    scenario: str
    expected: str
    cause: str = ""
    rank: str = "-"
    state: str = "-"
    seconds: float = 0.0
    asked: int = 0
    heals: str = "-"
    verify: str = "-"
    undo: str = "-"
    right: bool = False
    saw: str = ""
    fix: str = ""
    advice: str = ""
    healed_after: float = 0.0
    drill: str = ""
    peers: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)

    def fail(self, why):
        self.wrong.append(why)


class Trial:
    def __init__(self, scenario, namespace, setup):
        self.scenario, self.setup = scenario, setup
        self.names = {"NS": namespace, "LEGACY": f"{namespace}-legacy", "OTHER": f"{namespace}-other", "HOST": f"{namespace}.example.com",
                      "IMAGE": setup.image, "GATEWAY": setup.gateway}
        self.row = Row(scenario.id, scenario.cause, drill=scenario.drill)
        self.patience = scenario.patience * setup.slow
        self.env = {**self.names, "PATH": os.path.dirname(setup.meshdx) + os.pathsep + os.environ["PATH"]}

    def run(self):
        """The whole trial; never raises but Interrupted. Takes its namespaces away again."""
        try:
            self._prepare()
            self._break()
            self._diagnose()
        except Failed as error:
            self.row.fail(str(error))
        finally:
            self._tidy()
        self.row.right = not self.row.wrong
        return self.row

    # ---- the cluster's side

    def _prepare(self):
        names = self.names
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names[n], "labels": {"meshdx-live": "true", **(self.setup.labels if meshed else {})}}}
                  for n, meshed in (("NS", True), ("LEGACY", False), ("OTHER", True))]
        cluster.apply(yaml.safe_dump_all(spaces), "its namespaces could not be made")
        cluster.apply(sample(self.scenario, names), "the sample could not be applied")
        for namespace in (names["NS"], names["LEGACY"], names["OTHER"]):
            code, out, err = cluster.run(["kubectl", "-n", namespace, "wait", "--for=condition=Available", "deployment", "--all", "--timeout=280s"], timeout=300)
            if code != 0 and "no matching resources" not in err:
                why = cluster.pull_errors(namespace)
                raise Failed(f"the image {self.setup.image} cannot be pulled ({why}): name another with --image" if why
                             else f"the sample in {namespace} does not get ready: {(err or out).strip()[-300:]}")

    def _shell(self, script, what, always=False, timeout=300):
        code, out, err = cluster.run(["bash", "-c", "set -e\n" + script], env=self.env, timeout=timeout, always=always)
        if code != 0:
            raise Failed(f"{what}: {(err or out).strip()[-400:]}")
        return out

    def _break(self):
        objects = manifest(self.scenario, self.names)
        if objects:
            cluster.apply(objects, "what it breaks could not be applied")
        if self.scenario.given:
            self._shell(self.scenario.given, "what it breaks could not be done")
        for name, command in self.scenario.let.items():
            self.names[name] = self.env[name] = self._shell(command, f"{name} could not be found out").strip()
        time.sleep(4 if self.scenario.healthy else 1)

    def _tidy(self):
        if self.scenario.after:
            try:
                self._shell(self.scenario.after, "tidying up failed", always=True, timeout=300)
            except Failed as error:
                self.row.fail(str(error))
        cluster.remove_namespaces([self.names[n] for n in ("NS", "LEGACY", "OTHER")])

    # ---- traffic

    def _traffic(self):
        """Sends the scenario's requests: the status codes that came back."""
        s = self.scenario
        namespace, workload = self.names["NS"], s.source
        if s.via_gateway:
            workload = "client"
        elif "/" in s.source:
            namespace, workload = expand(s.source, self.names).split("/")
        script = expand(s.traffic, self.names) or self._loop()
        code, out, err = cluster.run(["kubectl", "exec", "-n", namespace, f"deploy/{workload}", "-c", "app", "--", "bash", "-c", script], timeout=300)
        return re.findall(r"\b\d{3}\b", out) if code == 0 or out else [err.strip()[-80:]]

    def _loop(self):
        s = self.scenario
        url, extra = expand(s.url, self.names), expand(s.curl, self.names)
        if s.via_gateway and s.url == type(s).url:
            url, extra = f"http://{self.setup.gateway}/", f"-H {shlex.quote('Host: ' + self.names['HOST'])} {extra}"
        each = f"curl -s -m 8 -o /dev/null -w '%{{http_code}} ' {extra} {shlex.quote(url)}"
        if s.parallel:
            return f"for i in $(seq {s.requests}); do {each} & done; wait"
        return f"for i in $(seq {s.requests}); do {each}; sleep .1; done"

    def _shows(self, codes, want):
        """Whether these codes are what was wanted; a fault that only some requests meet shows in one, is healed in all."""
        some = (self.scenario.some or self.scenario.parallel) and want == self.scenario.sees
        return want in codes if some else bool(codes) and all(code == want for code in codes)

    def _until(self, want):
        """Sends traffic until it answers as wanted: (whether it did, seconds, the last codes)."""
        start = time.monotonic()
        while True:
            codes = self._traffic()
            took = time.monotonic() - start
            if self._shows(codes, want) or took > self.patience:
                return self._shows(codes, want), took, codes
            time.sleep(PAUSE)

    # ---- meshdx

    def _meshdx(self, arguments, record):
        """Asks live, as text: (exit, text, seconds), and the same as JSON out of the recording of that run."""
        start = time.monotonic()
        code, text, err = cluster.run([self.setup.meshdx, *arguments, "--record", record], env=self.env)
        took = time.monotonic() - start
        if code not in (0, 2, 3):
            raise Failed(f"meshdx {shlex.join(arguments)} ended with {code}: {(err or text).strip()[-400:]}")
        again, out, err = cluster.run([self.setup.meshdx, "replay", record, "-o", "json"], env=self.env)
        if again != code:
            raise Failed(f"the run ended with {code}, its replay with {again}: {err.strip()[-300:]}")
        return code, text, took, json.loads(out)

    def _ask(self, arguments):
        """Asks once: (exit, text, JSON). Keeps recording and text where that is wanted; an earlier run's are replaced."""
        with tempfile.TemporaryDirectory(prefix="meshdx-live-") as scratch:
            folder = os.path.join(self.setup.keep or scratch, self.scenario.id)
            shutil.rmtree(folder, ignore_errors=True)
            code, text, self.row.seconds, report = self._meshdx(arguments, folder)
        if self.setup.keep:
            with open(f"{folder}.txt", "w") as file:
                file.write(f"$ meshdx {shlex.join(arguments)}\n{text}")
        return code, text, report

    def _diagnose(self):
        s, row = self.scenario, self.row
        shown, took, codes = self._until(s.sees)
        row.saw = " ".join(codes)
        if not shown:
            raise Failed(f"traffic does not show the fault within {took:.0f} s: it saw {row.saw}, not {s.sees}")
        if self.setup.peers and not s.healthy:
            row.peers = peers.listen([self.names[n] for n in ("NS", "LEGACY", "OTHER")])
            self._traffic()   # they took their time: what is asked about is what was just seen
        if s.drill == "sweep":
            start = time.monotonic()
            sweeping.judge(self)
            row.asked, row.seconds = 1, time.monotonic() - start
            return
        arguments = question(s, self.names, codes) + self.setup.flags
        while row.asked < ASKED * self.setup.slow:
            row.asked += 1
            time.sleep(LOG_DELAY)
            code, text, report = self._ask(arguments)
            if report["outcome"] != "inconclusive" or report["causes"]:
                break
            self._traffic()
        self._judge(code, report)
        self._told(text)
        if s.healthy or row.wrong:
            return
        paste = printed.parse(text)
        if paste != printed.of_json(report):
            raise Failed(f"the text prints {asdict(paste)}, the JSON {asdict(printed.of_json(report))}")
        self._repair(paste, report["causes"][0])

    def _judge(self, code, report):
        """Whether the verdict is the scenario's."""
        s, row = self.scenario, self.row
        causes = [c["id"] for c in report["causes"]]
        row.cause = causes[0] if causes else report["outcome"]
        row.state = report["causes"][0]["state"] if causes else report["outcome"]
        if s.healthy:
            if code != 0 or causes:
                open_checks = [f"{c['truth']}: {c['text']}" for c in report["checks"] if c["truth"] != "yes"]
                row.fail(f"exit {code}, {row.cause}; checks: {'; '.join(open_checks)[:400]}")
            return
        ranks = [n for n, cause in enumerate(causes, 1) if cause in [s.cause, *s.also]]
        row.rank = str(ranks[0]) if ranks else "-"
        if row.rank != "1":
            row.fail(f"meshdx says {row.cause} first; {s.cause} has rank {row.rank}")
        elif row.state not in ("confirmed", s.state):
            row.fail(f"{row.cause} is only {row.state}")

    def _told(self, text):
        """Whether the report says what it must say beside the cause: a share, a pattern."""
        flat = " ".join(text.split())
        for words in self.scenario.tells:
            if not re.search(expand(words, self.names), flat):
                self.row.fail(f"the report does not tell: {words}")

    def _repair(self, paste, cause):
        s, row = self.scenario, self.row
        row.fix = paste.fix
        if not paste.fix:
            row.advice = next((f["advice"] for f in cause["fixes"] if f.get("advice")), "")
            row.heals = row.verify = row.undo = "advice"
            if s.fix != "advice" or not row.advice:
                row.fail("no fix to paste" if row.advice else "neither a fix nor advice")
            return
        self._paste(paste.fix, "FIX")
        if self._healed():
            self._verify(paste.verify)
        self._undo(paste)

    def _paste(self, command, what):
        code, out, err = cluster.run(["bash", "-c", command], env=self.env, timeout=300)
        if code != 0:
            raise Failed(f"{what} was refused: {(err or out).strip()[-400:]} ({command})")

    def _healed(self):
        s, row = self.scenario, self.row
        if not s.visible():
            row.heals = "see verify"
            return True
        healed, row.healed_after, codes = self._until(s.heals)
        row.heals = "yes" if healed else "no"
        if not healed:
            row.fail(f"{row.healed_after:.0f} s after the fix traffic still sees {' '.join(codes)}")
        return healed

    def _asked(self, command, want):
        """Pastes a VERIFY, with some traffic before it, until it ends as wanted: (whether it did, its last output)."""
        until = time.monotonic() + self.patience
        while True:
            self._traffic()
            time.sleep(LOG_DELAY)
            code, out, err = cluster.run(["bash", "-c", command], env=self.env)
            if code == want or time.monotonic() > until:
                return code == want, code, out + err

    def _verify(self, command):
        good, code, out = self._asked(command, 2 if self.scenario.verify else 0)
        if good and self.scenario.verify:
            self.row.verify = "2"
            self.row.advice = self.scenario.verify
            return
        self.row.verify = "yes" if good else str(code)
        if self.row.heals == "see verify":
            self.row.heals = self.row.verify
        if not good:
            told = [line for line in out.splitlines() if line[:1] in "✗–I" or line.startswith("CAUSE")]
            self.row.fail(f"VERIFY ({command}) ends with {code}: {' / '.join(told)[:500]}")

    def _undo(self, paste):
        s, row = self.scenario, self.row
        if not paste.undo:
            row.undo = "no"
            row.fail("no UNDO is printed")
            return
        self._paste(paste.undo, "UNDO")
        if s.undo:
            row.undo = f"pasted; {s.undo}"
            return
        if s.visible():
            back, _, codes = self._until(s.sees)
            why = f"after UNDO traffic sees {' '.join(codes)}, not {s.sees} again"
        else:
            back, code, _ = self._asked(paste.verify, 2)
            why = f"after UNDO meshdx ends with {code}, not 2 again"
        row.undo = "yes" if back else "no"
        if not back:
            row.fail(why)
