"""Commands on the cluster of the current kubeconfig. All of them end when the run is interrupted, but those that tidy up."""
import os
import signal
import subprocess
import threading
import time


class Interrupted(Exception):
    """The user pressed Ctrl-C, or the run was terminated."""


class Failed(Exception):
    """A command that had to work did not; the text says which and what it printed."""


stop = threading.Event()


def _end(process):
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(3)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run(argv, stdin="", env=None, timeout=300, always=False):
    """Runs a command: (exit, stdout, stderr). Exit is None when it took longer than `timeout` seconds.

    Children have their own process group, so that Ctrl-C reaches this process alone; `always` is for tidying up, which
    goes on after it.
    """
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **(env or {})}, start_new_session=True, errors="replace")
    until, sent = time.monotonic() + timeout, stdin
    while True:
        try:
            out, err = process.communicate(sent, timeout=0.3)
            return process.returncode, out, err
        except subprocess.TimeoutExpired:
            sent = None
        if stop.is_set() and not always:
            _end(process)
            raise Interrupted
        if time.monotonic() > until:
            _end(process)
            return None, "", f"no answer within {timeout} s"


def must(argv, what, **options):
    """Runs a command that has to succeed: its stdout. Raises Failed."""
    code, out, err = run(argv, **options)
    if code != 0:
        raise Failed(f"{what}: {(err or out).strip()[-400:]}")
    return out


def apply(manifest, what):
    must(["kubectl", "apply", "-f", "-"], what, stdin=manifest)


def context():
    """The name of the kubeconfig's current context. Raises Failed."""
    return must(["kubectl", "config", "current-context"], "there is no current context in the kubeconfig").strip()


def remove_namespaces(namespaces):
    run(["kubectl", "delete", "namespace", "--ignore-not-found", "--wait=false", *namespaces], always=True)


def pull_errors(namespace):
    """Why pods of a namespace have no image, as kubectl tells; "" when that is not the matter."""
    path = "{range .items[*]}{.metadata.name}{range .status.containerStatuses[*]}|{.state.waiting.reason}: {.state.waiting.message}{end}{\"\\n\"}{end}"
    _, out, _ = run(["kubectl", "get", "pods", "-n", namespace, "-o", f"jsonpath={path}"])
    words = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
    return next((line for line in out.splitlines() if any(word in line for word in words)), "")
