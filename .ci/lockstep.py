#!/usr/bin/env python3
"""The build breaks where code and document part, and says where.

In a copy of the tree, never in the tree itself: each case changes one thing, and the build has to fail with the words that name it. The
copy lives below the target folder and shares it, so that no dependency is built again.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
# The same place every time: cargo knows a crate by its path, and what it built for the last one is used again.
TREE = TARGET / "lockstep"
BUILD_S_MAX = 600
SERVER = ["--package", "runyard", "--lib"]
CONTRACT = ["--package", "runyard-api"]


def main():
    copy_tree()
    expect_success("the tree as it is", SERVER)
    cases = [removed_method, added_operation, overlay_target_gone, dangling_reference]
    failures = [case.__doc__ for case in cases if not holds(case)]
    shutil.rmtree(TREE)
    for failure in failures:
        print(f"lockstep: this did not hold: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


def removed_method():
    """A method of a room's implementation is removed: E0046 names it."""
    edit("server/dialects/run_gateway/handlers.rs", r"\n    async fn cancel_run\(.*?\n    }\n", "\n")
    return SERVER, ["E0046", "cancel_run"]


def added_operation():
    """An operation is added to a document: the implementation that lacks it is named."""
    operation = """
  /v1/runs/{run_id}:pause:
    post:
      operationId: pause_run
      parameters:
        - name: run_id
          in: path
          required: true
          schema: { type: string }
      responses:
        '200':
          description: The run.
          content:
            application/json:
              schema:
                $ref: 'schemas.yaml#/components/schemas/Run'
        default:
          description: Not done.
          content:
            application/json:
              schema:
                $ref: 'schemas.yaml#/components/schemas/ErrorEnvelope'
"""
    edit("openapi/arp/run-gateway.yaml", r"\npaths:[^\n]*\n", lambda found: found[0].rstrip("\n") + operation)
    return SERVER, ["E0046", "pause_run"]


def overlay_target_gone():
    """An overlay's target matches nothing: overlay and target are named."""
    action = """
  - target: $.paths['/v1/gone'].post
    update:
      x-runyard-note: nothing has this
"""
    edit("openapi/arp/run-gateway.overlay.yaml", r"\nactions:[^\n]*\n", lambda found: found[0].rstrip("\n") + action)
    return CONTRACT, ["run-gateway.overlay.yaml", "$.paths['/v1/gone'].post"]


def dangling_reference():
    """A reference leads nowhere: document and operation are named."""
    edit("openapi/arp/run-gateway.yaml", r"schemas/RunStartRequest", "schemas/RunStartRequestGone")
    return CONTRACT, ["run-gateway.yaml", "start_run", "RunStartRequestGone"]


def holds(case):
    """Whether the build fails as the case says. What the case changed is put back."""
    started = time.monotonic()
    arguments, words = case()
    status, output = check(arguments)
    restore()
    missing = [word for word in words if word not in output]
    print(f"   {time.monotonic() - started:4.0f} s  {case.__doc__}")
    if status == 0 or missing:
        wanted = ", ".join(missing) or "a failure"
        print(f"{output}\nlockstep: the build said nothing of: {wanted}", file=sys.stderr)
        return False
    return True


def expect_success(what, arguments):
    started = time.monotonic()
    status, output = check(arguments)
    if status != 0:
        sys.exit(f"{output}\nlockstep: {what} does not build")
    print(f"   {time.monotonic() - started:4.0f} s  {what} builds")


def check(arguments):
    """Status and words of a build."""
    command = ["cargo", "check", "--locked", "--color", "never", *arguments]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    done = subprocess.run(
        command, cwd=TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_S_MAX
    )
    return done.returncode, done.stdout


ORIGINALS = {}


def edit(path, pattern, replacement):
    """Changes the first place that the pattern finds; a pattern that finds nothing is a fault of this script."""
    file = TREE / path
    text = file.read_text()
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
    if count != 1 or changed == text:
        sys.exit(f"lockstep: {path} has no {pattern!r} any more; correct this script")
    ORIGINALS[file] = text
    file.write_text(changed)


def restore():
    # Written anew, not with its old date: cargo goes by dates, and would take what it built of the change for fresh.
    for file, text in ORIGINALS.items():
        file.write_text(text)
    ORIGINALS.clear()


def copy_tree():
    """What git knows or would take, as it stands in the work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, copy = ROOT / name, TREE / name
        if not source.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        # With today's date, so that what an earlier run built of a changed file is not taken for fresh.
        shutil.copyfile(source, copy)


if __name__ == "__main__":
    main()
