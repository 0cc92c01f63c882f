// A TypeScript program over the types that openapi-typescript generates from our documents, and openapi-fetch, which
// calls with them: a run at the gateway, its root at the coordinator, the list of the Runyard API, the same through the
// Runtime, toolregistry.ai and ACP, refusals, and streams as they arrive.
//
// `.ci/interop` generates the types, compiles this with `tsc --strict`, and runs it with the APIs as JSON.

import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components as Prompted, paths as AcpPaths } from "./acp.js";
import type { components as Coordinator, paths as CoordinatorPaths } from "./run-coordinator.js";
import type { components as Gateway, paths as GatewayPaths } from "./run-gateway.js";
import type { components as Runtime, paths as RuntimePaths } from "./runtime.js";
import type { components as Own, paths as OwnPaths } from "./runyard.js";
import type { components as Pursued, paths as ToolregistryPaths } from "./toolregistry.js";

type Run = Gateway["schemas"]["Run"];
type GatewayEvent = Gateway["schemas"]["RunEvent"];
type RuntimeEvent = Runtime["schemas"]["RunEvent"];

const GOAL = "Generate a UUID, then return it.";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

type Api = "run-gateway" | "run-coordinator" | "runtime" | "toolregistry" | "acp" | "runyard";
const apis = JSON.parse(process.argv[2] ?? "{}") as Record<Api, string>;
const gateway = createClient<GatewayPaths>({ baseUrl: apis["run-gateway"] });
const coordinator = createClient<CoordinatorPaths>({ baseUrl: apis["run-coordinator"] });
const runtime = createClient<RuntimePaths>({ baseUrl: apis.runtime });
const toolregistry = createClient<ToolregistryPaths>({ baseUrl: apis.toolregistry });
const acp = createClient<AcpPaths>({ baseUrl: apis.acp });
const own = createClient<OwnPaths>({ baseUrl: apis.runyard });

/** The data of a call, which must be a success. */
function dataOf<T>(answer: { data?: T; error?: unknown }): T {
  assert(answer.data !== undefined, JSON.stringify(answer.error));
  return answer.data;
}

function asked(node_type_id: string, input: Record<string, unknown>): Gateway["schemas"]["RunStartRequest"] {
  return { root_node_type_ref: { node_type_id, version: "1.0.0" }, input };
}

/** The lines of a body as they arrive. `parseAs: "stream"` keeps the library from reading it whole. */
async function* lines(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  assert(body);
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  let rest = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const parts = (rest + decoder.decode(next.value, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line.trim() !== "");
  }
}

async function gatewayEvents(run_id: string): Promise<GatewayEvent[]> {
  const answer = await gateway.GET("/v1/runs/{run_id}/events", { params: { path: { run_id } }, parseAs: "stream" });
  const events: GatewayEvent[] = [];
  for await (const line of lines(dataOf(answer))) events.push(JSON.parse(line) as GatewayEvent);
  return events;
}

async function runtimeEvents(run_id: string): Promise<RuntimeEvent[]> {
  const answer = await runtime.GET("/v1/runs/{run_id}/events", { params: { path: { run_id } }, parseAs: "stream" });
  const events: RuntimeEvent[] = [];
  for await (const line of lines(dataOf(answer))) {
    if (line.startsWith("data:")) events.push(JSON.parse(line.slice("data:".length)) as RuntimeEvent);
  }
  return events;
}

/** A run from start to end, and once more under the same key. */
async function atTheGateway(): Promise<Run> {
  const params = { header: { "Idempotency-Key": "fetch-1" } };
  const body = asked("runyard.composite.planner.general", { goal: GOAL });
  const started = dataOf(await gateway.POST("/v1/runs", { params, body }));
  const events = await gatewayEvents(started.run_id);
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => index + 1));
  assert.deepEqual([events[0]?.type, events.at(-1)?.type], ["run_started", "run_completed"]);
  const path = { run_id: started.run_id };
  const ended = dataOf(await gateway.GET("/v1/runs/{run_id}", { params: { path } }));
  assert.equal(ended.state, "succeeded");

  const again = await gateway.POST("/v1/runs", { params, body });
  assert.equal(dataOf(again).run_id, ended.run_id);
  assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");
  const { error } = await gateway.POST("/v1/runs", { params, body: asked("runyard.core.uuid4", {}) });
  assert.equal(error?.error.code, "idempotency_conflict");
  return ended;
}

/** A path with a verb after its parameter. */
async function canceled(): Promise<void> {
  const sleeping = dataOf(await gateway.POST("/v1/runs", { body: asked("runyard.core.sleep", { seconds: 3600 }) }));
  const path = { run_id: sleeping.run_id };
  assert.equal(dataOf(await gateway.POST("/v1/runs/{run_id}:cancel", { params: { path } })).state, "canceled");
}

/** Refusals have the document's own type. */
async function refused(): Promise<void> {
  const unknown = await gateway.GET("/v1/runs/{run_id}", { params: { path: { run_id: "nothing" } } });
  assert.deepEqual([unknown.response.status, unknown.error?.error.code], [404, "run_not_found"]);
  const near = await gateway.POST("/v1/runs", { body: asked("runyard.core.uuid5", {}) });
  assert.equal(near.error?.error.code, "unknown_node_type");
  assert(near.error?.error.details && "nearest" in near.error.error.details);
}

/** The root run, and the refusal to complete a node run that the server executes itself. */
async function atTheCoordinator(run: Run): Promise<void> {
  const params = { path: { node_run_id: run.root_node_run_id } };
  const root: Coordinator["schemas"]["NodeRun"] = dataOf(await coordinator.GET("/v1/node-runs/{node_run_id}", { params }));
  assert.equal(root.state, "succeeded");
  assert.match(String(root.outputs?.["result"]), UUID);
  const done = await coordinator.POST("/v1/node-runs/{node_run_id}:complete", { params, body: { state: "succeeded", outputs: {} } });
  assert(["node_run_finished", "node_run_server_owned"].includes(done.error?.error.code ?? ""), JSON.stringify(done));
}

/** Lists by page, with a list in the query. */
async function atTheRunyardApi(run: Run): Promise<void> {
  const found: Own["schemas"]["RunSummary"][] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const query = { state: ["succeeded", "canceled"] satisfies Own["schemas"]["RunState"][], limit: 1, ...(cursor ? { cursor } : {}) };
    const answer = dataOf(await own.GET("/v1/runs", { params: { query } }));
    found.push(...answer.runs);
    cursor = answer.next_cursor;
    if (cursor === undefined) break;
  }
  assert(found.some((row) => row.run_id === run.run_id));
  assert.deepEqual(new Set(found.map((row) => row.state)), new Set(["succeeded", "canceled"]));
  const whole = dataOf(await own.GET("/v1/runs/{run_id}", { params: { path: { run_id: run.run_id } } }));
  assert.equal(whole.node_runs[0]?.node_run_id, run.root_node_run_id);
}

/** A goal in, an output out. */
async function atTheRuntime(): Promise<void> {
  const started = dataOf(await runtime.POST("/v1/runs", { body: { input: { goal: GOAL } } }));
  assert.equal((await runtimeEvents(started.run_id)).at(-1)?.type, "final");
  const path = { run_id: started.run_id };
  const result = dataOf(await runtime.GET("/v1/runs/{run_id}/result", { params: { path } }));
  assert(result.ok);
  assert.match(String(result.output?.["result"]), UUID);
  const unknown = await runtime.GET("/v1/runs/{run_id}/result", { params: { path: { run_id: "nothing" } } });
  assert.equal(unknown.error?.error.code, "run_not_found");
}

/** An intent in, a result out, found in a list by its user and state. */
async function atToolregistry(): Promise<void> {
  const body = { intent: GOAL, selectedCustomerIntegrationIds: ["*"], context: "", userId: "ann" };
  const started = dataOf(await toolregistry.POST("/v1/runs", { body }));
  const path = { runId: started.runId };
  const stream = await toolregistry.GET("/v1/runs/{runId}/sse", { params: { path }, parseAs: "stream" });
  const names: string[] = [];
  for await (const line of lines(dataOf(stream))) if (line.startsWith("event:")) names.push(line.slice("event:".length).trim());
  assert.equal(names.at(-1), "end");
  const run: Pursued["schemas"]["RunDto"] = dataOf(await toolregistry.GET("/v1/runs/{runId}", { params: { path } }));
  assert.equal(run.status, "SUCCESS");
  assert.match(String(run.result?.["result"]), UUID);
  const query = { userId: "ann", status: "SUCCESS" as const };
  const listed = dataOf(await toolregistry.GET("/v1/runs", { params: { query } }));
  assert(listed.some((row) => row.runId === run.runId));
  const unknown = await toolregistry.GET("/v1/runs/{runId}", { params: { path: { runId: "00000000-0000-0000-0000-000000000007" } } });
  assert.deepEqual([unknown.response.status, unknown.error?.statusCode], [404, 404]);
}

/** A prompt, the next turn of its thread, and one that is canceled. */
async function atAcp(): Promise<void> {
  const serverId = "default";
  const begin = async (body: Prompted["schemas"]["StartRun"]): Promise<Prompted["schemas"]["Run"]> => {
    const run = dataOf(await acp.POST("/v1/servers/{serverId}/runs", { params: { path: { serverId } }, body })).run;
    assert(run);
    return run;
  };
  const first = await begin({ prompt: "Generate a UUID.", title: "An id" });
  assert.deepEqual([first.status, first.title], ["completed", "An id"]);
  const path = { serverId, runId: first.id ?? "" };
  const said = await acp.POST("/v1/servers/{serverId}/runs/{runId}/input", { params: { path }, body: { content: "Hash it." } });
  const second = dataOf(said).run;
  assert.deepEqual([second?.threadId, second?.output?.length], [first.threadId, 64]);
  const live = await begin({ content: "Sleep for 600 seconds.", mode: "async" });
  const stop = { params: { path: { serverId, runId: live.id ?? "" } } };
  assert.equal(dataOf(await acp.POST("/v1/servers/{serverId}/runs/{runId}/cancel", stop)).run?.status, "cancelled");
  const listed = dataOf(await acp.GET("/v1/servers/{serverId}/runs", { params: { path: { serverId } } }));
  assert.deepEqual(listed.data.map((row) => row.id), [live.id, second?.id, first.id]);
  const unknown = await acp.GET("/v1/servers/{serverId}/runs/{runId}", { params: { path: { serverId, runId: "srv/1" } } });
  assert.equal(unknown.error?.message, "Run srv/1 not found");
}

const run = await atTheGateway();
await canceled();
await refused();
await atTheCoordinator(run);
await atTheRunyardApi(run);
await atTheRuntime();
await atToolregistry();
await atAcp();
