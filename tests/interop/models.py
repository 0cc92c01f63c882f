"""A Python program over models that datamodel-code-generator generates from our documents: it validates each answer of
one run with its model. The models are pydantic's, closed where the document is closed.

`.ci/interop` generates the models and runs this with the APIs as JSON, and the id of a run that has ended.
"""

import json
import sys
import urllib.error
import urllib.request

import run_coordinator_models as coordinator
import run_gateway_models as gateway
import runtime_models as runtime
import runyard_models as runyard
from pydantic import BaseModel, ValidationError

BOUND_S = 60


def get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.read()


def events(model: type[BaseModel], url: str) -> None:
    lines = [line.removeprefix(b"data:") for line in get(url).splitlines() if line.strip() and not line.startswith(b"id:")]
    assert lines, f"no events at {url}"
    for line in lines:
        model.model_validate_json(line)


def main() -> None:
    apis, run_id = json.loads(sys.argv[1]), sys.argv[2]
    run = gateway.Run.model_validate_json(get(f"{apis['run-gateway']}/v1/runs/{run_id}"))
    assert run.state is gateway.RunState.succeeded, run
    events(gateway.RunEvent, f"{apis['run-gateway']}/v1/runs/{run_id}/events")
    coordinator.NodeRun.model_validate_json(get(f"{apis['run-coordinator']}/v1/node-runs/{run.root_node_run_id}"))
    events(coordinator.RunEvent, f"{apis['run-coordinator']}/v1/node-runs/{run.root_node_run_id}/events")
    result = runtime.RunResult.model_validate_json(get(f"{apis['runtime']}/v1/runs/{run_id}/result"))
    assert result.ok and result.output, result
    events(runtime.RunEvent, f"{apis['runtime']}/v1/runs/{run_id}/events")
    runyard.Run.model_validate_json(get(f"{apis['runyard']}/v1/runs/{run_id}"))
    runyard.RunList.model_validate_json(get(f"{apis['runyard']}/v1/runs"))
    events(runyard.RunEvent, f"{apis['runyard']}/v1/runs/{run_id}/events")
    for models, api in ((gateway, "run-gateway"), (coordinator, "run-coordinator"), (runtime, "runtime"), (runyard, "runyard")):
        refusal = models.ErrorEnvelope.model_validate_json(get(f"{apis[api]}/v1/runs/nothing"))
        assert refusal.error.code == "run_not_found", refusal
        models.Health.model_validate_json(get(f"{apis[api]}/v1/health"))
    # Models that accept anything would prove nothing.
    try:
        gateway.Run.model_validate({**run.model_dump(), "surprise": True})
    except ValidationError:
        return
    raise AssertionError("a closed object took a field that it does not have")


if __name__ == "__main__":
    main()
