"""Hooks for schemathesis. Most of its runs name an existing node type, because otherwise it would only see the refusal.
It does not revoke its own key, which it finds in the list of keys, because otherwise every later answer would be 401.

It uses only node types that end by themselves: the stream of a run that waits for an external worker would never end.
"""

import os
import random

import schemathesis

KNOWN = {
    "runyard.core.uuid4": {},
    "runyard.core.echo": {"echo": "ping"},
    "runyard.composite.planner.general": {"goal": "Generate a UUID, then return it."},
}

# A Cargo workflow with only a start and an end.
DRAWN = [
    {"uuid": "0f8fad5b-d9cb-469f-a165-70867728950e", "slug": "start", "actionSlug": "start", "childrenUuids": ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"]},
    {"uuid": "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "slug": "end", "actionSlug": "end", "childrenUuids": []},
]
DRAWN = [{**node, "kind": "native", "config": {}, "fallbackOnFailure": False, "position": {"x": 0, "y": 0}} for node in DRAWN]
OWN = "Runyard"
GOAL = KNOWN["runyard.composite.planner.general"]["goal"]
PROMPTED = {f"{verb}_{way}_run{noun}" for verb, noun in (("start", ""), ("send", "_input")) for way in ("server", "connected", "runtime")}


@schemathesis.hook
def map_body(context, body):
    operation = context.operation.definition.raw.get("operationId")
    own = context.operation.schema.raw_schema["info"]["title"] == OWN
    if operation == "start_run" and own and isinstance(body, dict) and random.random() < 0.8:
        node_type = random.choice(sorted(KNOWN))
        body["node_type_ref"], body["inputs"] = {"node_type_id": node_type}, KNOWN[node_type]
        for made_up in ("goal", "constraints"):
            body.pop(made_up, None)
    elif operation == "start_run" and isinstance(body, dict) and random.random() < 0.8:
        node_type = random.choice(sorted(KNOWN))
        body["root_node_type_ref"] = {"node_type_id": node_type, "version": "1.0.0"}
        if random.random() < 0.8:
            body["input"] = KNOWN[node_type]
            # Most generated limits allow nothing at all.
            body.pop("constraints", None)
    # Prompts whose runs end soon by themselves, because random words may need a planner's time.
    if operation in PROMPTED and isinstance(body, dict) and random.random() < 0.8:
        body["content"] = GOAL
    if operation == "RunController_createRun" and isinstance(body, dict) and random.random() < 0.8:
        body["intent"] = GOAL
    # Valid nodes, because otherwise it would only see the refusal.
    cargo = context.operation.schema.raw_schema["info"]["title"] == "Cargo"
    if operation in ("create_run", "validate_nodes") and cargo and isinstance(body, dict) and random.random() < 0.8:
        body["nodes"] = DRAWN
        for made_up in ("releaseUuid", "workflowUuid"):
            body.pop(made_up, None)
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    if (case.path_parameters or {}).get("key_id") == os.environ["SHOWN_KEY_ID"]:
        case.path_parameters["key_id"] = "another"
