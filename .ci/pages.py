"""Runs the commands of a page of README or docs as they stand there: every block of `sh`, in order, in one shell.

The shell has a folder of its own, and a network of its own where the machine can make one (`unshare --net`), so that the default ports are free and
nothing leaves the machine; else pages run one after the other. Two programs are replaced:

- `cargo` runs the built binary in the place of `cargo run` (`.ci/first` calls the real one); what else a page says of cargo must be among `BUILDS`, and is run by other parts of `.ci/run`.
- `curl` fails on a status of 400 and above (`--fail-with-body`), so that an answer that is an error is one.

After a block that starts a server, the server is waited for, as a reader would.
"""

import os
import re
import subprocess
import sys
import threading

from workspace import ROOT, check

# What a page says of cargo beside `cargo run`, and the part of `.ci/run` that does it.
BUILDS = {
    "test --workspace": "tests",
    "install --path server --locked": "packages, which builds every crate from its package",
}
CARGO = """#!/usr/bin/env bash
case "$*" in
  "run -- "*) shift 2; exec runyard "$@";;
%s
  *) echo "pages: no part of .ci/run does: cargo $*" >&2; exit 1;;
esac
"""
CURL = """#!/usr/bin/env bash
exec %s --fail-with-body "$@"
"""
# Interrupts what a page left running, waits for a server that it has just started, and for one that it has killed.
PRELUDE = """
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
# A reader takes longer to type the next command than a killed process takes to end.
kill() {
  builtin kill "$@"
  [ "${1-}" != -9 ] || wait "${2-}" 2>/dev/null || true
}
ready() {
  for _ in $(seq 600); do
    curl -sS -o /dev/null http://127.0.0.1:8092/v1/health 2>/dev/null && return
    sleep 0.1
  done
  echo "the server did not start" >&2
  exit 1
}
"""
# A network namespace begins with its loopback down, and not every machine has `ip`.
APART = """
import fcntl, os, socket, struct, sys
lo = struct.pack("16sH14s", b"lo", 1, b"")
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, lo)
os.execvp(sys.argv[1], sys.argv[1:])
"""
UNSHARE = ["unshare", "--map-root-user", "--net"]
BOUND_S = 180
PORTS = threading.Lock()


def can_be_apart():
    return subprocess.run([*UNSHARE, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def blocks(page):
    """The blocks of `sh` of a page."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def script(page):
    parts = [PRELUDE]
    for block in blocks(page):
        parts.append(block)
        if re.search(r"^runyard serve", block, re.MULTILINE):
            parts.append("ready\n")
    check(len(parts) > 1, f"{page} has no commands")
    return "".join(parts)


def run(page, workspace):
    """Runs a page in a folder of its own."""
    tools = workspace.folder / "tools"
    tools.mkdir()
    builds = "\n".join(f'  "{build}") exit 0;;' for build in BUILDS)
    real = subprocess.run(["sh", "-c", "command -v curl"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    for name, text in {"cargo": CARGO % builds, "curl": CURL % real}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (tools / "runyard").symlink_to(workspace.binary)
    folder = workspace.folder / "folder"
    folder.mkdir()
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(workspace.folder), "LANG": "C.UTF-8"}
    if can_be_apart():
        done = shell([*UNSHARE, sys.executable, "-c", APART, "bash", "-c", script(page)], folder, environment)
    else:
        with PORTS:
            done = shell(["bash", "-c", script(page)], folder, environment)
    check(done.returncode == 0, f"{page}: its commands left with {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def shell(command, folder, environment):
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BOUND_S
    )
