"""The basis of the stories in this folder: a folder, the binary, servers on free ports, and a bound for every wait."""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
GOAL = "Generate a UUID, then return it."
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# More than any command needs on a busy machine; what takes longer hangs.
BOUND_S = 60
# The number of stories that run concurrently.
AT_ONCE = 8


class Workspace:
    """A folder of a story's own, and the binary."""

    def __init__(self, folder, binary):
        self.folder, self.binary, self.servers = folder, binary, []
        folder.mkdir(parents=True)

    def runyard(self, *arguments, status=0, **environment):
        """A command of the binary, with only this environment."""
        done = subprocess.run(
            [self.binary, *arguments], cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=BOUND_S
        )
        said = f"`runyard {' '.join(arguments)}` left with {done.returncode}\n{done.stdout}\n{done.stderr}"
        check(status is None or done.returncode == status, said)
        return done

    def serve(self, port_base="0", /, **environment):
        """A ready server, on free ports unless some are given."""
        server = Server(self, port_base, environment)
        self.servers.append(server)
        return server

    def beside(self, name):
        """Another folder, removed together with this one."""
        workspace = Workspace(self.folder / name, self.binary)
        workspace.servers = self.servers
        return workspace

    def close(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait(BOUND_S)


class Server:
    """`runyard serve`, and its APIs."""

    def __init__(self, workspace, port_base, environment):
        log = open(workspace.folder / f"serve-{len(workspace.servers)}.log", "w")
        command = [workspace.binary, "serve", "--port-base", port_base, "--json"]
        self.process = subprocess.Popen(command, cwd=workspace.folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        ready = self.process.stdout.readline()
        check(ready, f"the server did not start: {Path(log.name).read_text()}")
        self.apis = {api["name"]: api["url"] for api in json.loads(ready)["doors"]}

    def url(self, api):
        return self.apis[api]

    def get(self, api, path):
        with urllib.request.urlopen(self.url(api) + path, timeout=BOUND_S) as answer:
            return json.load(answer)

    def post(self, api, path, body):
        data = b"" if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(api) + path, data, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=BOUND_S) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def posted(self, api, path, body):
        """The answer to a POST that has to succeed."""
        status, answer = self.post(api, path, body)
        check(200 <= status < 300, f"POST {path}: {status} {answer}")
        return answer

    def start(self, node_type, given):
        """Starts a run through the gateway."""
        return self.posted("run-gateway", "/v1/runs", {"root_node_type_ref": {"node_type_id": node_type, "version": "1.0.0"}, "input": given})

    def lines(self, api, path):
        """Every object of a stream of lines, until it ends."""
        with urllib.request.urlopen(self.url(api) + path, timeout=BOUND_S) as answer:
            return [json.loads(line) for line in answer if line.strip()]

    def stream(self, run_id, query=""):
        """The connection and the open stream of a run's events."""
        connection = http.client.HTTPConnection(self.url("run-gateway").removeprefix("http://"), timeout=BOUND_S)
        connection.request("GET", f"/v1/runs/{run_id}/events{query}")
        stream = connection.getresponse()
        check(stream.status == 200, f"{stream.status}: no stream")
        return connection, stream

    def events(self, run_id, query=""):
        """Every event of a run, until its stream ends."""
        return self.lines("run-gateway", f"/v1/runs/{run_id}/events{query}")

    def stop(self):
        self.process.terminate()
        check(self.process.wait(BOUND_S) == 0, f"the server left with {self.process.returncode}")


def until(ask):
    """Retries until there is an answer, within the bound."""
    end = time.monotonic() + BOUND_S
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def check(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def tell(story, folder, binary):
    """Runs one story. Returns its failure, or nothing."""
    started, workspace = time.monotonic(), Workspace(folder / story.__name__, binary)
    try:
        story(workspace)
    except Exception:
        logs = "".join(f"\n-- {log.name}\n{log.read_text()[-4000:]}" for log in sorted(workspace.folder.rglob("serve-*.log")))
        return f"{story.__doc__}\n{traceback.format_exc()}{logs}"
    finally:
        workspace.close()
    print(f"   {time.monotonic() - started:4.1f} s  {story.__doc__}", flush=True)
    return None


def tell_all(what, stories):
    """Runs the stories concurrently and exits with 1 if one of them fails."""
    built = TARGET / "debug" / "runyard"
    if not built.exists():
        sys.exit(f"{what}: {built} is not there; `cargo test --workspace` builds it")
    with tempfile.TemporaryDirectory(prefix="runyard-") as scratch:
        folder = Path(scratch)
        binary = shutil.copy2(built, folder / "runyard")
        with ThreadPoolExecutor(min(len(stories), AT_ONCE)) as pool:
            failures = list(filter(None, pool.map(lambda story: tell(story, folder, binary), stories)))
    for failure in failures:
        print(f"{what}: this did not hold: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)
