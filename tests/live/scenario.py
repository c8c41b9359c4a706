"""Scenarios are data: each entry of scenarios/*.yaml is one. README.md beside this file says what the keys mean."""
import pathlib
import re
import shlex
from dataclasses import dataclass, field
from string import Template

import yaml

FOLDER = pathlib.Path(__file__).resolve().parent
API_VERSIONS = {
    "PeerAuthentication": "security.istio.io/v1",
    "RequestAuthentication": "security.istio.io/v1",
    "AuthorizationPolicy": "security.istio.io/v1",
    "VirtualService": "networking.istio.io/v1",
    "DestinationRule": "networking.istio.io/v1",
    "ServiceEntry": "networking.istio.io/v1",
    "Gateway": "networking.istio.io/v1",
    "Sidecar": "networking.istio.io/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "Telemetry": "telemetry.istio.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
CODE = re.compile(r"^\d{3}$")
WORDED = ("injection", "canary", "header-routing", "circuit-breaker", "fault-injection", "retries", "isolation")   # drills asked for by name


class BadScenario(Exception):
    """A file of scenarios that cannot be used; the text names file, entry and reason."""


@dataclass
class Scenario:
    """One entry. The field names are the keys of the file; `-` in a key is `_` here."""
    id: str
    cause: str
    drill: str
    sees: str
    about: str = ""
    pods: list = field(default_factory=lambda: ["client", "web"])
    objects: dict = field(default_factory=dict)
    given: str = ""
    let: dict = field(default_factory=dict)
    source: str = "client"
    url: str = "http://web.$NS/"
    curl: str = ""
    traffic: str = ""
    requests: int = 5
    parallel: bool = False
    some: bool = False
    ask: list = field(default_factory=list)
    flags: list = field(default_factory=list)
    also: list = field(default_factory=list)
    state: str = "confirmed"
    fix: str = "command"
    heals: str = "200"
    undo: str = ""
    verify: str = ""
    tells: list = field(default_factory=list)
    finds: list = field(default_factory=list)
    needs: dict = field(default_factory=dict)
    after: str = ""
    patience: int = 60
    mesh_wide: bool = False

    @property
    def healthy(self):
        return self.cause == "none"

    @property
    def via_gateway(self):
        return self.source == "gateway"

    def visible(self):
        """Whether traffic tells broken from healed; a hop that is merely plaintext answers the same before and after."""
        return self.sees != self.heals


def _key(name):
    return "source" if name == "from" else name.replace("-", "_")


def _check(scenario, where):
    if not CODE.match(scenario.sees) or not CODE.match(scenario.heals):
        raise BadScenario(f"{where}: sees and heals are status codes of three digits (\"000\" in quotes)")
    if (scenario.drill == "sweep") != bool(scenario.finds):
        raise BadScenario(f"{where}: finds goes with the drill sweep, and that with finds")
    if scenario.fix not in ("command", "advice"):
        raise BadScenario(f"{where}: fix is command or advice, not {scenario.fix}")
    for name in scenario.objects:
        kind = name.split("/")[0]
        if kind not in API_VERSIONS or name.count("/") not in (1, 2):
            raise BadScenario(f"{where}: objects are named KIND/NAME or KIND/NAMESPACE/NAME with one of {', '.join(API_VERSIONS)}; {name} is not")


def _read_entry(entry, where):
    if not isinstance(entry, dict):
        raise BadScenario(f"{where}: an entry is a mapping")
    values = {_key(k): v for k, v in entry.items()}
    known = set(Scenario.__dataclass_fields__)
    unknown = [k for k in entry if _key(k) not in known or k == "source"]
    if unknown:
        raise BadScenario(f"{where}: unknown key {unknown[0]}; there are {', '.join(sorted(known - {'source'} | {'from'}))}")
    missing = [k for k in ("id", "cause", "drill", "sees") if k not in values]
    if missing:
        raise BadScenario(f"{where}: {missing[0]} is missing")
    for name in ("sees", "heals", "drill"):
        if name in values:
            values[name] = str(values[name])
    scenario = Scenario(**values)
    _check(scenario, where)
    return scenario


def load(folder=FOLDER / "scenarios"):
    """All scenarios of a folder's *.yaml, in the order of the files. Raises BadScenario."""
    found, seen = [], {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            entries = yaml.safe_load(path.read_text())
        except yaml.YAMLError as error:
            raise BadScenario(f"{path.name}: {error}") from error
        for n, entry in enumerate(entries or [], 1):
            name = entry.get("id", f"entry {n}") if isinstance(entry, dict) else f"entry {n}"
            scenario = _read_entry(entry, f"{path.name}: {name}")
            if scenario.id in seen:
                raise BadScenario(f"{path.name}: {scenario.id} is in {seen[scenario.id]} already")
            seen[scenario.id] = path.name
            found.append(scenario)
    return found


def manifest(scenario, names):
    """The scenario's own objects as a YAML stream for `kubectl apply`; "" when there are none."""
    documents = []
    for name, spec in scenario.objects.items():
        kind, *rest = name.split("/")
        namespace = rest[0] if len(rest) == 2 else "$NS"
        documents.append({"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": {"name": rest[-1], "namespace": namespace}, "spec": spec})
    return expand(yaml.safe_dump_all(documents), names) if documents else ""


def sample(scenario, names):
    """The sample application with the pods that the scenario names, as a YAML stream."""
    documents = yaml.safe_load_all(expand((FOLDER / "shop.yaml").read_text(), names))
    wanted = [d for d in documents if d["kind"] != "Deployment" or _of(d["metadata"]["name"], scenario.pods)]
    if not scenario.via_gateway:
        wanted = [d for d in wanted if d["metadata"]["name"] != "shop"]
    return yaml.safe_dump_all(wanted)


def _of(name, pods):
    return name in pods or name.rsplit("-v", 1)[0] in pods


def expand(text, names):
    """$NS and its like replaced; what is no name of ours stays."""
    return Template(text).safe_substitute(names)


def question(scenario, names, codes):
    """The meshdx arguments that someone who saw these codes would type."""
    if scenario.ask:
        return [expand(word, names) for word in scenario.ask] + scenario.flags
    bad = [code for code in codes if code != "200"]
    code = scenario.drill if scenario.drill in ("mtls", *WORDED) else bad[-1] if bad else "404" if scenario.drill == "404" else "503"
    target = expand("http://$HOST/" if scenario.via_gateway and scenario.url == Scenario.url else scenario.url, names)
    words = shlex.split(expand(scenario.curl, names))
    heads = [w for flag, value in zip(words, words[1:]) if flag in ("-H", "-X") for w in (flag, value)]
    who = expand(scenario.source, names)
    who = ".".join(reversed(who.split("/"))) if "/" in who else who
    return [code, target, "-n", names["NS"], "--from", who] + heads + scenario.flags
