"""A Python program over clients that openapi-python-client generates from our documents: a run at the gateway, its root
at the coordinator, the list of the Runyard API, the same through the Runtime, toolregistry.ai and ACP, refusals, and
streams by httpx, which the clients are built on.

`.ci/interop` generates the clients, checks this with `mypy --strict`, and runs it with the APIs as JSON.
"""

import json
import sys
from collections.abc import Iterator
from typing import TypeVar
from uuid import UUID

import acp
import httpx
import run_coordinator
import run_gateway
import runtime
import runyard
import toolregistry
from acp.api.runs import cancel_server_run, get_server_run, list_server_runs, send_server_run_input, start_server_run
from acp.models import ApiError, Mode, RunEnvelope, RunInput as Input, RunStatus as PromptedStatus, StartRun
from acp.models import RunList as PromptedRuns
from run_coordinator.api.node_runs import complete_node_run, get_node_run
from run_coordinator.models import NodeRun, NodeRunCompleteRequest, NodeRunCompleteRequestOutputs, NodeRunTerminalState
from run_coordinator.models import ErrorEnvelope as CoordinatorRefusal
from run_gateway.api.runs import cancel_run, get_run, start_run, stream_run_events
from run_gateway.models import ErrorEnvelope, NodeTypeRef, Run, RunEvent, RunStartRequest, RunStartRequestInput, RunState
from runtime.api.runs import create_run, get_run_result
from runtime.models import ErrorEnvelope as RuntimeRefusal
from runtime.models import RunEvent as RuntimeEvent
from runtime.models import RunInput, RunRequest, RunResult, RunStatus
from runyard.api.runs import get_run as get_whole_run
from runyard.api.runs import list_runs
from runyard.models import Run as WholeRun
from runyard.models import RunList
from runyard.models import RunState as ListedState
from runyard.types import UNSET, Unset
from toolregistry.api.run import run_controller_abort_run, run_controller_create_run, run_controller_get_run, run_controller_list_runs
from toolregistry.models import CreateRunRequest, CreateRunResponse, Error, RunDto
from toolregistry.models import RunStatus as PursuedStatus

GOAL = "Generate a UUID, then return it."
# Without a timeout these clients wait for ever. A quiet stream sends a keep-alive every 15 seconds.
BOUND = httpx.Timeout(60)
T = TypeVar("T")


def expect_type(kind: type[T], answer: object) -> T:
    """The answer, which must have this type."""
    assert isinstance(answer, kind), f"not {kind.__name__}: {answer}"
    return answer


def asked(node_type: str, **given: object) -> RunStartRequest:
    values = RunStartRequestInput()
    values.additional_properties.update(given)
    return RunStartRequest(input_=values, root_node_type_ref=NodeTypeRef(node_type_id=node_type, version="1.0.0"))


def gateway_events(client: run_gateway.Client, run_id: str) -> Iterator[RunEvent]:
    """The stream as it arrives: the generated function would wait for its end."""
    with client.get_httpx_client().stream("GET", f"/v1/runs/{run_id}/events") as answer:
        answer.raise_for_status()
        yield from (RunEvent.from_dict(json.loads(line)) for line in answer.iter_lines() if line.strip())


def runtime_events(client: runtime.Client, run_id: str) -> Iterator[RuntimeEvent]:
    with client.get_httpx_client().stream("GET", f"/v1/runs/{run_id}/events") as answer:
        answer.raise_for_status()
        data = (line.removeprefix("data:") for line in answer.iter_lines() if line.startswith("data:"))
        yield from (RuntimeEvent.from_dict(json.loads(line)) for line in data)


def at_the_gateway(client: run_gateway.Client) -> Run:
    """A run from start to end, and once more under the same key."""
    body = asked("runyard.composite.planner.general", goal=GOAL)
    started = expect_type(Run, start_run.sync(client=client, body=body, idempotency_key="python-1"))
    events = list(gateway_events(client, started.run_id))
    assert [event.seq for event in events] == list(range(1, len(events) + 1)), events
    assert (events[0].type_, events[-1].type_) == ("run_started", "run_completed"), events
    # For a run that has ended, the generated function returns the same lines as one text.
    assert expect_type(str, stream_run_events.sync(started.run_id, client=client)).count("\n") == len(events)
    ended = expect_type(Run, get_run.sync(started.run_id, client=client))
    assert ended.state == RunState.SUCCEEDED, ended

    again = start_run.sync_detailed(client=client, body=body, idempotency_key="python-1")
    assert expect_type(Run, again.parsed).run_id == ended.run_id and again.headers["Idempotent-Replayed"] == "true", again
    other = start_run.sync(client=client, body=asked("runyard.core.uuid4"), idempotency_key="python-1")
    assert expect_type(ErrorEnvelope, other).error.code == "idempotency_conflict", other
    return ended


def canceled(client: run_gateway.Client) -> None:
    """A path with a verb after its parameter."""
    sleeping = expect_type(Run, start_run.sync(client=client, body=asked("runyard.core.sleep", seconds=3600)))
    assert expect_type(Run, cancel_run.sync(sleeping.run_id, client=client)).state == RunState.CANCELED


def refused(client: run_gateway.Client) -> None:
    """Refusals are values of the document's own type."""
    unknown = get_run.sync_detailed("nothing", client=client)
    assert (unknown.status_code, expect_type(ErrorEnvelope, unknown.parsed).error.code) == (404, "run_not_found"), unknown
    near = expect_type(ErrorEnvelope, start_run.sync(client=client, body=asked("runyard.core.uuid5"))).error
    assert near.code == "unknown_node_type" and near.details and "nearest" in near.details, near


def at_the_coordinator(client: run_coordinator.Client, run: Run) -> None:
    """The root run, and the refusal to complete a node run that the server executes itself."""
    root = expect_type(NodeRun, get_node_run.sync(run.root_node_run_id, client=client))
    assert root.state == "succeeded" and root.outputs, root
    UUID(root.outputs["result"])
    outputs = NodeRunCompleteRequestOutputs()
    body = NodeRunCompleteRequest(state=NodeRunTerminalState.SUCCEEDED, outputs=outputs)
    refusal = expect_type(CoordinatorRefusal, complete_node_run.sync(run.root_node_run_id, client=client, body=body))
    assert refusal.error.code in ("node_run_finished", "node_run_server_owned"), refusal


def at_the_runyard_api(client: runyard.Client, run: Run) -> None:
    """Lists by page, with a list in the query."""
    states = [ListedState.SUCCEEDED, ListedState.CANCELED]
    found: set[tuple[str, str]] = set()
    cursor: str | Unset = UNSET
    for _ in range(10):
        page = expect_type(RunList, list_runs.sync(client=client, state=states, limit=1, cursor=cursor))
        found.update((row.run_id, row.state) for row in page.runs)
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    assert (run.run_id, "succeeded") in found and {state for _, state in found} == {"succeeded", "canceled"}, found
    whole = expect_type(WholeRun, get_whole_run.sync(run.run_id, client=client))
    assert whole.node_runs[0].node_run_id == run.root_node_run_id, whole


def at_the_runtime(client: runtime.Client) -> None:
    """A goal in, an output out."""
    started = expect_type(RunStatus, create_run.sync(client=client, body=RunRequest(input_=RunInput(goal=GOAL))))
    events = list(runtime_events(client, started.run_id))
    assert events[-1].type_ == "final", events
    result = expect_type(RunResult, get_run_result.sync(started.run_id, client=client))
    assert result.ok and result.output, result
    UUID(result.output["result"])
    unknown = expect_type(RuntimeRefusal, get_run_result.sync("nothing", client=client))
    assert unknown.error.code == "run_not_found", unknown


def at_toolregistry(client: toolregistry.Client) -> None:
    """An intent in, a result out, found in a list by its user and state."""
    body = CreateRunRequest(intent=GOAL, selected_customer_integration_ids=["*"], context="", user_id="ann")
    started = expect_type(CreateRunResponse, run_controller_create_run.sync(client=client, body=body))
    with client.get_httpx_client().stream("GET", f"/v1/runs/{started.run_id}/sse") as answer:
        names = [line.removeprefix("event:").strip() for line in answer.iter_lines() if line.startswith("event:")]
    assert names[-1] == "end", names
    run = expect_type(RunDto, run_controller_get_run.sync(str(started.run_id), client=client, include_events="true"))
    assert run.status == PursuedStatus.SUCCESS and run.result and len(run.events) == len(names), run
    UUID(run.result["result"])
    listed = expect_type(list, run_controller_list_runs.sync(client=client, user_id="ann", status=PursuedStatus.SUCCESS))
    assert [expect_type(RunDto, one).run_id for one in listed] == [run.run_id], listed
    assert run_controller_abort_run.sync_detailed(str(run.run_id), client=client).status_code == 200
    unknown = expect_type(Error, run_controller_get_run.sync(str(UUID(int=7)), client=client))
    assert (unknown.status_code, unknown.error) == (404, "Not Found"), unknown


def at_acp(client: acp.Client) -> None:
    """A prompt, the next turn of its thread, and one that is canceled."""
    first = expect_type(RunEnvelope, start_server_run.sync("default", client=client, body=StartRun(prompt="Generate a UUID."))).run
    assert first and first.status == PromptedStatus.COMPLETED and isinstance(first.id, str), first
    UUID(expect_type(str, first.output))
    said = send_server_run_input.sync("default", first.id, client=client, body=Input(content="Hash it."))
    second = expect_type(RunEnvelope, said).run
    assert second and second.thread_id == first.thread_id and len(expect_type(str, second.output)) == 64, second
    asleep = StartRun(content="Sleep for 600 seconds.", mode=Mode.ASYNC)
    live = expect_type(RunEnvelope, start_server_run.sync("default", client=client, body=asleep)).run
    assert live and live.status == PromptedStatus.RUNNING and isinstance(live.id, str), live
    stopped = expect_type(RunEnvelope, cancel_server_run.sync("default", live.id, client=client)).run
    assert stopped and stopped.status == PromptedStatus.CANCELLED, stopped
    listed = expect_type(PromptedRuns, list_server_runs.sync("default", client=client))
    assert [run.id for run in listed.data] == [live.id, second.id, first.id] and listed.runs == listed.data, listed
    unknown = expect_type(ApiError, get_server_run.sync("default", "srv/1", client=client))
    assert unknown.message == "Run srv/1 not found", unknown


def main() -> None:
    apis = json.loads(sys.argv[1])
    gateway = run_gateway.Client(base_url=apis["run-gateway"], timeout=BOUND)
    run = at_the_gateway(gateway)
    canceled(gateway)
    refused(gateway)
    at_the_coordinator(run_coordinator.Client(base_url=apis["run-coordinator"], timeout=BOUND), run)
    at_the_runyard_api(runyard.Client(base_url=apis["runyard"], timeout=BOUND), run)
    at_the_runtime(runtime.Client(base_url=apis["runtime"], timeout=BOUND))
    at_toolregistry(toolregistry.Client(base_url=apis["toolregistry"], timeout=BOUND))
    at_acp(acp.Client(base_url=apis["acp"], timeout=BOUND))
    print(run.run_id)


if __name__ == "__main__":
    main()
