#!/usr/bin/env python3
"""The bump drill: for each kind of change to a document, the responsible check fails and names the change.

It works in a copy of the tree, never in the tree itself. First, every check must pass on the unchanged copy. Then each
case changes one thing in a document and runs the check that must notice it. The expected message is in the table
"Bumping a document" of openapi/README.md, which this script reads. Each case also asks `runyard openapi diff` for whom
the change is breaking. The copy is below the target folder and shares it, so that no dependency is built again.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
# Always the same place: cargo identifies a crate by its path, and reuses its build of the last copy.
TREE = TARGET / "drill"
# The binary that compares documents. It is copied, because tests of the copy build another binary in its place.
BUILT = TARGET / "debug" / "runyard"
BINARY = TARGET / "drill-runyard"
BOUND_S = 900

GATEWAY, SCHEMAS, OWN = "openapi/arp/run-gateway.yaml", "openapi/arp/schemas.yaml", "openapi/runyard/runyard.yaml"

# The checks and their commands.
TELLERS = {
    "the generator": ["check", "--package", "runyard-api"],
    "the compiler": ["check", "--package", "runyard", "--lib"],
    "the golden": ["test", "--package", "runyard-codegen", "--test", "golden", "ours::"],
    "the contract test": ["test", "--package", "runyard", "--test", "it", "contract::the_ledger"],
}
# The output of a check that passes. A filter that matches no test passes too, and proves nothing.
PASSED = r"test result: ok\. [1-9]\d* passed"
CONTENT = {"the golden": PASSED, "the contract test": PASSED}

OPERATION = """
  /v1/runs/{run_id}:pause:
    parameters:
      - $ref: '#/components/parameters/RunId'
    post:
      operationId: pause_run
      summary: Pause a run
      responses:
        '200':
          description: The run.
          content:
            application/json:
              schema:
                $ref: 'schemas.yaml#/components/schemas/Run'
        default:
          $ref: '#/components/responses/Failure'"""
COUNTS = r"\n  /v1/run-counts:\n.*?(?=\n  /v1/)"


# Each case changes the copy. It returns the document to compare, and the names that the check must print.
def added_operation():
    edit(GATEWAY, r"\npaths:", lambda found: found[0] + OPERATION)
    return GATEWAY, ["pause_run", "run_gateway"]


def removed_operation():
    edit(OWN, COUNTS, "")
    return OWN, ["count_runs", "dialects/runyard"]


def renamed_operation():
    edit(OWN, r"operationId: count_runs", "operationId: tally_runs")
    return OWN, ["count_runs", "tally_runs", "dialects/runyard"]


def field_in_an_answer():
    edit(OWN, r"(    RunSummary:\n.*?required: \[)", r"\1priority, ")
    edit(OWN, r"(    RunSummary:\n.*?      properties:\n)", r"\1        priority:\n          type: string\n")
    return OWN, ["priority", "RunSummary", "runyard/wire.rs"]


def field_in_a_request():
    edit(SCHEMAS, r"(    RunStartRequest:\n.*?required: \[)", r"\1priority, ")
    edit(SCHEMAS, r"(    RunStartRequest:\n.*?      properties:\n)", r"\1        priority:\n          type: string\n")
    return GATEWAY, ["priority", "arp/wire.rs"]


def type_of_a_field():
    count = r"(    RunSummary:\n.*?        event_count:\n[^\n]*\n          )type: integer\n          format: int64\n          minimum: 0"
    edit(OWN, count, r"\1type: string")
    return OWN, ["event_count", "runyard/wire.rs"]


def bound():
    edit(SCHEMAS, r"(        max_steps:\n.*?minimum: )0", r"\g<1>1")
    return GATEWAY, ["arp-schemas", "BudgetConstraints", "max_steps?: integer <minimum 1>"]


def description():
    edit(SCHEMAS, r"Greatest number of steps\.", "Largest number of steps.")
    return GATEWAY, ["arp-schemas", "BudgetConstraints max_steps: Largest number of steps."]


def status():
    answer = r"\1        '410':\n          $ref: '#/components/responses/NotFound'\n"
    edit(OWN, r"(      operationId: get_run\n.*?        '404':\n[^\n]*\n)", answer)
    return OWN, ["runyard get_run 410"]


def value_of_an_enum():
    edit(SCHEMAS, r"(    RunState:\n.*?enum: \[)queued, running,", r"\1queued, running, paused,")
    return GATEWAY, ["RunState::Paused"]


def overlay_target():
    edit(GATEWAY, r"\n  /v1/runs/\{run_id\}/events:\n.*?(?=\ncomponents:)", "")
    return GATEWAY, ["run-gateway.overlay.yaml", "$.paths['/v1/runs/{run_id}/events'].get"]


def reference():
    edit(GATEWAY, r"schemas/RunStartRequest", "schemas/RunStartRequestGone")
    return GATEWAY, ["run-gateway.yaml", "start_run", "RunStartRequestGone"]


# In the order and with the names of the table in openapi/README.md.
CASES = {
    "an operation is added": added_operation,
    "an operation is removed": removed_operation,
    "an operation is renamed": renamed_operation,
    "an answer gets a required field": field_in_an_answer,
    "a request gets a required field": field_in_a_request,
    "a field has another type": type_of_a_field,
    "an enum in an answer gets a value": value_of_an_enum,
    "a bound moves": bound,
    "a description changes": description,
    "a status is added": status,
    "what an overlay points at is gone": overlay_target,
    "a reference leads nowhere": reference,
}


def main():
    rows = table()
    if list(rows) != list(CASES):
        sys.exit(f"drill: openapi/README.md has the rows {list(rows)}, this script the cases {list(CASES)}")
    keep_the_binary()
    try:
        copy_tree()
        for teller, arguments in TELLERS.items():
            content(teller, arguments)
        failures = [name for name, change in CASES.items() if not holds(name, change, rows[name])]
    finally:
        put_the_binary_back()
    shutil.rmtree(TREE)
    for failure in failures:
        print(f"drill: this did not hold: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


def table():
    """The rows of the table: the change, the check, its words, and for whom it is breaking."""
    text = (ROOT / "openapi/README.md").read_text()
    lines = text.partition("\n## Bumping a document\n")[2].partition("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return {row[0]: {"teller": row[1], "says": re.findall(r"`([^`]+)`", row[2]), "breaks": row[3]} for row in rows[1:]}


def holds(name, change, row):
    """Whether the right check fails with the right words. Reverts the change of the case."""
    started = time.monotonic()
    document, words = change()
    result, said = compared(document)
    status, output = ask(TELLERS[row["teller"]])
    restore()
    missing = [word for word in [*words, *row["says"]] if word not in output]
    print(f"   {time.monotonic() - started:4.0f} s  {name}: {row['teller']}; openapi diff: {result}", flush=True)
    if status == 0 or missing:
        wanted = ", ".join(missing) or "a failure"
        print(f"{output}\ndrill: {row['teller']} said nothing of: {wanted}", file=sys.stderr)
        return False
    if result != row["breaks"]:
        print(f"{said}\ndrill: openapi diff says {result}, the table {row['breaks']}", file=sys.stderr)
        return False
    return True


def compared(document):
    """For whom the change of a document is breaking, and the whole answer."""
    done = run([str(BINARY), "openapi", "diff", "--json", str(ROOT / document), str(TREE / document)], TREE)
    if done.returncode == 2:
        return "cannot be read", done.stderr
    answer = json.loads(done.stdout)
    if not answer["changes"]:
        return "no change", done.stdout
    parties = sorted({party for change in answer["changes"] for party in change["breaks"]})
    if done.returncode != (1 if parties else 0):
        return f"{parties}, but the exit code is {done.returncode}", done.stdout
    return " and ".join(parties) or "neither", done.stdout


def content(teller, arguments):
    """All checks pass on the unchanged copy; otherwise the failure of a case would prove nothing."""
    started = time.monotonic()
    status, output = ask(arguments)
    if status != 0 or not re.search(CONTENT.get(teller, "Finished"), output):
        sys.exit(f"{output}\ndrill: {teller} is not content with the tree as it is")
    print(f"   {time.monotonic() - started:4.0f} s  {teller} is content with the tree as it is", flush=True)


def ask(arguments):
    """Status and output of cargo."""
    command = ["cargo", arguments[0], "--locked", "--color", "never", *arguments[1:]]
    # Every case rebuilds with a small change, which is what incremental builds are for.
    done = run(command, TREE, CARGO_TARGET_DIR=str(TARGET), CARGO_INCREMENTAL="1", INSTA_UPDATE="no", RUST_BACKTRACE="0")
    return done.returncode, done.stdout + done.stderr


def run(command, folder, **environment):
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=BOUND_S)


ORIGINALS = {}


def edit(path, pattern, replacement):
    """Changes the first match of the pattern; a pattern without a match is a fault of this script."""
    file = TREE / path
    text = file.read_text()
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
    if count != 1 or changed == text:
        sys.exit(f"drill: {path} has no {pattern!r} any more; correct this script")
    ORIGINALS.setdefault(file, text)
    file.write_text(changed)


def restore():
    # Written with a new date, because cargo compares dates and would otherwise reuse the build of the change.
    for file, text in ORIGINALS.items():
        file.write_text(text)
    ORIGINALS.clear()


def copy_tree():
    """The files that git tracks or would add, as they are in the work tree."""
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, TREE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        # `server/docs` is a link to a folder.
        if source.is_symlink():
            copy.symlink_to(source.readlink())
            continue
        if not source.is_file():
            continue
        # With today's date, so that cargo does not reuse an earlier run's build of a changed file.
        shutil.copyfile(source, copy)


def keep_the_binary():
    done = run(["cargo", "build", "--locked", "--package", "runyard"], ROOT)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\ndrill: the binary does not build")
    shutil.copy2(BUILT, BINARY)


def put_the_binary_back():
    BUILT.unlink(missing_ok=True)
    BINARY.replace(BUILT)


if __name__ == "__main__":
    main()
