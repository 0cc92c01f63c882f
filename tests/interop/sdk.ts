// A TypeScript program over clients that @hey-api/openapi-ts generates from our documents: the story of fetch.ts, with
// functions in place of paths. Its streams are of two kinds: it parses server-sent events itself; for NDJSON it returns
// the body.
//
// `.ci/interop` generates the clients, compiles this with `tsc --strict`, and runs it with the APIs as JSON.

import assert from "node:assert/strict";

import { createClient as acpAt } from "./sdk/acp/client/index.js";
import * as acp from "./sdk/acp/index.js";
import { createClient as coordinatorAt } from "./sdk/run-coordinator/client/index.js";
import * as coordinator from "./sdk/run-coordinator/index.js";
import { createClient as gatewayAt } from "./sdk/run-gateway/client/index.js";
import * as gateway from "./sdk/run-gateway/index.js";
import { createClient as runtimeAt } from "./sdk/runtime/client/index.js";
import * as runtime from "./sdk/runtime/index.js";
import { createClient as ownAt } from "./sdk/runyard/client/index.js";
import * as own from "./sdk/runyard/index.js";
import { createClient as toolregistryAt } from "./sdk/toolregistry/client/index.js";
import * as toolregistry from "./sdk/toolregistry/index.js";

const GOAL = "Generate a UUID, then return it.";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Api = "run-gateway" | "run-coordinator" | "runtime" | "toolregistry" | "acp" | "runyard";
const apis = JSON.parse(process.argv[2] ?? "{}") as Record<Api, string>;
const atGateway = { client: gatewayAt({ baseUrl: apis["run-gateway"] }) };
const atCoordinator = { client: coordinatorAt({ baseUrl: apis["run-coordinator"] }) };
const atRuntime = { client: runtimeAt({ baseUrl: apis.runtime }) };
const atToolregistry = { client: toolregistryAt({ baseUrl: apis.toolregistry }) };
const atAcp = { client: acpAt({ baseUrl: apis.acp }) };
const atOwn = { client: ownAt({ baseUrl: apis.runyard }) };

/** The data of a call, which must be a success. */
function dataOf<T>(answer: { data: T; error: unknown }): NonNullable<T> {
  assert(answer.data !== undefined && answer.data !== null, JSON.stringify(answer.error));
  return answer.data;
}

function asked(node_type_id: string, input: Record<string, unknown>): gateway.RunStartRequest {
  return { root_node_type_ref: { node_type_id, version: "1.0.0" }, input };
}

/** The lines of a whole stream. `parseAs: "stream"` returns the body as it arrives. */
async function gatewayEvents(run_id: string): Promise<gateway.RunEvent[]> {
  const answer = await gateway.streamRunEvents({ ...atGateway, path: { run_id }, parseAs: "stream" });
  // @ts-expect-error The document calls the body a string, and so does the type, whatever `parseAs` says.
  const body: ReadableStream<Uint8Array> = dataOf(answer);
  const lines = (await new Response(body).text()).split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => JSON.parse(line) as gateway.RunEvent);
}

/** A run from start to end, and once more under the same key. */
async function runFromStartToEnd(): Promise<gateway.Run> {
  const headers = { "Idempotency-Key": "sdk-1" };
  const body = asked("runyard.composite.planner.general", { goal: GOAL });
  const started: gateway.Run = dataOf(await gateway.startRun({ ...atGateway, headers, body }));
  const events = await gatewayEvents(started.run_id);
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => index + 1));
  assert.deepEqual([events[0]?.type, events.at(-1)?.type], ["run_started", "run_completed"]);
  const ended: gateway.Run = dataOf(await gateway.getRun({ ...atGateway, path: { run_id: started.run_id } }));
  assert.equal(ended.state, "succeeded");

  const again = await gateway.startRun({ ...atGateway, headers, body });
  assert.equal(dataOf(again).run_id, ended.run_id);
  assert.equal(again.response?.headers.get("Idempotent-Replayed"), "true");
  const { error } = await gateway.startRun({ ...atGateway, headers, body: asked("runyard.core.uuid4", {}) });
  assert.equal(error?.error.code, "idempotency_conflict");
  return ended;
}

/** A path with a verb after its parameter. */
async function canceled(): Promise<void> {
  const sleeping = dataOf(await gateway.startRun({ ...atGateway, body: asked("runyard.core.sleep", { seconds: 3600 }) }));
  assert.equal(dataOf(await gateway.cancelRun({ ...atGateway, path: { run_id: sleeping.run_id } })).state, "canceled");
}

/** Refusals have the document's own type. */
async function refused(): Promise<void> {
  const unknown = await gateway.getRun({ ...atGateway, path: { run_id: "nothing" } });
  assert.deepEqual([unknown.response?.status, unknown.error?.error.code], [404, "run_not_found"]);
  const near = await gateway.startRun({ ...atGateway, body: asked("runyard.core.uuid5", {}) });
  assert.equal(near.error?.error.code, "unknown_node_type");
  assert(near.error?.error.details && "nearest" in near.error.error.details);
}

/** The root run, and the refusal to complete a node run that the server executes itself. */
async function rootOf(run: gateway.Run): Promise<void> {
  const path = { node_run_id: run.root_node_run_id };
  const root: coordinator.NodeRun = dataOf(await coordinator.getNodeRun({ ...atCoordinator, path }));
  assert.equal(root.state, "succeeded");
  assert.match(String(root.outputs?.["result"]), UUID);
  const done = await coordinator.completeNodeRun({ ...atCoordinator, path, body: { state: "succeeded", outputs: {} } });
  assert(["node_run_finished", "node_run_server_owned"].includes(done.error?.error.code ?? ""), JSON.stringify(done.error));
}

/** Lists by page, with a list in the query. */
async function listed(run: gateway.Run): Promise<void> {
  const found: own.RunSummary[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const query = { state: ["succeeded", "canceled"] satisfies own.RunState[], limit: 1, ...(cursor ? { cursor } : {}) };
    const answer: own.RunList = dataOf(await own.listRuns({ ...atOwn, query }));
    found.push(...answer.runs);
    cursor = answer.next_cursor;
    if (cursor === undefined) break;
  }
  assert(found.some((row) => row.run_id === run.run_id));
  assert.deepEqual(new Set(found.map((row) => row.state)), new Set(["succeeded", "canceled"]));
  const whole: own.Run = dataOf(await own.getRun({ ...atOwn, path: { run_id: run.run_id } }));
  assert.equal(whole.node_runs[0]?.node_run_id, run.root_node_run_id);
}

/** A goal in, an output out. */
async function goalToOutput(): Promise<void> {
  const started = dataOf(await runtime.createRun({ ...atRuntime, body: { input: { goal: GOAL } } }));
  const path = { run_id: started.run_id };
  const { stream } = await runtime.streamRunEvents({ ...atRuntime, path, sseMaxRetryAttempts: 1 });
  const events: runtime.RunEvent[] = [];
  for await (const event of stream) {
    // @ts-expect-error It is parsed, and has the type of the whole body, which the document calls a string.
    events.push(event);
  }
  assert.equal(events.at(-1)?.type, "final");
  const result: runtime.RunResult = dataOf(await runtime.getRunResult({ ...atRuntime, path }));
  assert(result.ok);
  assert.match(String(result.output?.["result"]), UUID);
  const unknown = await runtime.getRunResult({ ...atRuntime, path: { run_id: "nothing" } });
  assert.equal(unknown.error?.error.code, "run_not_found");
}

/** An intent in, a result out, found in a list by its user and state. */
async function intentToResult(): Promise<void> {
  const body = { intent: GOAL, selectedCustomerIntegrationIds: ["*"], context: "", userId: "ann" };
  const started = dataOf(await toolregistry.runControllerCreateRun({ ...atToolregistry, body }));
  const path = { runId: started.runId };
  const { stream } = await toolregistry.runControllerSse({ ...atToolregistry, path, sseMaxRetryAttempts: 1 });
  let events = 0;
  for await (const _ of stream) events += 1;
  assert(events > 2);
  const run: toolregistry.RunDto = dataOf(await toolregistry.runControllerGetRun({ ...atToolregistry, path }));
  assert.equal(run.status, "SUCCESS");
  assert.match(String(run.result?.["result"]), UUID);
  const query = { userId: "ann", status: "SUCCESS" as const };
  const listed = dataOf(await toolregistry.runControllerListRuns({ ...atToolregistry, query }));
  assert(listed.some((row) => row.runId === run.runId));
  const unknownRun = { runId: "00000000-0000-0000-0000-000000000007" };
  const unknown = await toolregistry.runControllerGetRun({ ...atToolregistry, path: unknownRun });
  assert.equal(unknown.error?.statusCode, 404);
}

/** A prompt, the next turn of its thread, and one that is canceled. */
async function turns(): Promise<void> {
  const serverId = "default";
  const begin = async (body: acp.StartRun): Promise<acp.Run> => {
    const { run } = dataOf(await acp.startServerRun({ ...atAcp, path: { serverId }, body }));
    assert(run);
    return run;
  };
  const first = await begin({ prompt: "Generate a UUID.", title: "An id" });
  assert.deepEqual([first.status, first.title], ["completed", "An id"]);
  const path = { serverId, runId: first.id ?? "" };
  const second = dataOf(await acp.sendServerRunInput({ ...atAcp, path, body: { content: "Hash it." } })).run;
  assert.deepEqual([second?.threadId, second?.output?.length], [first.threadId, 64]);
  const live = await begin({ content: "Sleep for 600 seconds.", mode: "async" });
  const stopped = dataOf(await acp.cancelServerRun({ ...atAcp, path: { serverId, runId: live.id ?? "" } })).run;
  assert.equal(stopped?.status, "cancelled");
  const listed = dataOf(await acp.listServerRuns({ ...atAcp, path: { serverId }, query: { limit: 3 } }));
  assert.deepEqual(listed.data.map((row) => row.id), [live.id, second?.id, first.id]);
  const unknown = await acp.getServerRun({ ...atAcp, path: { serverId, runId: "srv/1" } });
  assert.equal(unknown.error?.message, "Run srv/1 not found");
}

const run = await runFromStartToEnd();
await canceled();
await refused();
await rootOf(run);
await listed(run);
await goalToOutput();
await intentToResult();
await turns();
