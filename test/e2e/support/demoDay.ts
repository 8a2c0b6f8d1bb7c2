import { type DemoSpan, planTrace } from "../../../src/cli/demoPlan.ts";
import type { Api } from "./api.ts";

const HOUR_MS = 3_600_000;
/** Hours before now at which most of a day's work is done. */
const BUSY_HOURS = [1, 2, 3, 4, 6, 7, 8, 21, 22];

/** Sends what the demo would have sent over the last day, each trace at a time of its own in the busy hours. */
export async function sendDemoDay(api: Api, count: number, nowMs: number): Promise<void> {
	for (let number = 0; number < count; number++) {
		const { name, tags, root } = planTrace(2, number);
		const hour = BUSY_HOURS[(number * 5) % BUSY_HOURS.length] as number;
		const startMs = nowMs - hour * HOUR_MS + ((number * 7919) % 3600) * 1000 - 60_000;
		const trace = (await api.request("POST", "/traces", { name, tags, started_at: iso(startMs) })) as { id: string };
		await send(api, trace.id, null, root, startMs);
	}
}

/** Returns when the span ended, milliseconds since the epoch. */
async function send(
	api: Api,
	traceId: string,
	parentId: string | null,
	span: DemoSpan,
	startMs: number,
): Promise<number> {
	const { kind, input, result } = span;
	const more = { kind, input, parent_id: parentId, started_at: iso(startMs) };
	const id = await api.span(traceId, span.name, more);
	let endMs = startMs + span.selfMs / 2;
	for (const [index, child] of span.children.entries()) {
		const childMs = span.isParallel ? startMs + span.selfMs / 2 + index * 25 : endMs;
		endMs = Math.max(endMs, await send(api, traceId, id, child, childMs));
	}
	endMs += span.selfMs / 2;
	const ended_at = iso(endMs);
	if (result.type === "failed") await api.request("POST", `/spans/${id}/fail`, { error: result.error, ended_at });
	else await api.complete(id, { output: result.output, kind: result.kind, ended_at });
	return endMs;
}

function iso(ms: number): string {
	return new Date(ms).toISOString();
}
