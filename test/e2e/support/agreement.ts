import { expect } from "vitest";
import type { Window } from "../pages/window.ts";
import type { Api, WireSpan } from "./api.ts";
import { until } from "./wait.ts";

const STATE_OF_ICON: Readonly<Record<string, string>> = {
	pass: "completed",
	error: "failed",
	"loading~spin": "running",
};

function stateOf(span: WireSpan): string {
	return typeof span.status === "string" ? span.status : "failed";
}

/** Spans of the server by trace. */
function byTrace(spans: readonly WireSpan[]): Map<string, WireSpan[]> {
	const traces = new Map<string, WireSpan[]>();
	for (const span of spans) {
		const list = traces.get(span.trace_id);
		if (list === undefined) traces.set(span.trace_id, [span]);
		else list.push(span);
	}
	return traces;
}

/** Same entries, each once; a difference is told by its entries and not by two lists of hundreds. */
function expectSame(what: string, shown: readonly string[], wanted: readonly string[]): void {
	const difference = {
		what,
		missing: wanted.filter((entry) => !shown.includes(entry)),
		unknown: shown.filter((entry) => !wanted.includes(entry)),
		twice: shown.filter((entry, index) => shown.indexOf(entry) !== index),
	};
	expect(difference).toEqual({ what, missing: [], unknown: [], twice: [] });
}

/**
 * Tree, waterfall and server tell the same spans: the counts of the whole, then the tree row by row for every trace, then the
 * waterfall span by span for every trace, no span missing, none twice, each in its state.
 */
export async function expectAgreement(
	window: Window,
	api: Api,
	acknowledged: ReadonlyMap<string, ReadonlySet<string>> = new Map(),
): Promise<void> {
	const spans = await api.spans();
	// Every span that the server acknowledged is there, whatever happened to it since.
	for (const [traceId, ids] of acknowledged) {
		const kept = new Set(spans.filter((span) => span.trace_id === traceId).map(({ id }) => id));
		expect({ lost: [...ids].filter((id) => !kept.has(id)) }).toEqual({ lost: [] });
	}
	expect(new Set(spans.map(({ id }) => id)).size).toBe(spans.length);
	const traces = byTrace(spans);
	await until(
		`the extension knows ${traces.size} traces with ${spans.length} spans`,
		async () => {
			const match = /Here: (\d+) traces, (\d+) spans/.exec(await window.statusBar.tooltip());
			return Number(match?.[1]) === traces.size && Number(match?.[2]) === spans.length;
		},
		30_000,
	);

	const names = new Map((await api.traces()).map(({ id, name }) => [id, name ?? ""]));
	await window.closeEditors();
	const roots = await window.traces.readAll();
	expect(roots.map(({ label }) => label).sort()).toEqual([...names.values()].sort());
	for (const [traceId, list] of traces) {
		const name = names.get(traceId) ?? "";
		await window.traces.scrollTo(name);
		await window.traces.expand(name);
		await until(
			`${name} has ${list.length} rows below it`,
			async () => (await window.traces.rowCount()) === roots.length + list.length,
		);
		const shown = (await window.traces.readAll()).filter(({ level }) => level > 1);
		expectSame(
			`tree of ${name}`,
			shown.map((row) => `${row.label} ${STATE_OF_ICON[row.icon] ?? row.icon}`),
			list.map((span) => `${span.name} ${stateOf(span)}`),
		);
		await window.traces.scrollTo(name);
		await window.traces.collapse(name);
	}

	for (const [traceId, list] of traces) {
		await window.traces.scrollTo(names.get(traceId) ?? "");
		await window.traces.click(names.get(traceId) ?? "");
		await window.waterfall.waitForTrace(traceId);
		await window.waterfall.waitForSpanCount(list.length);
		expectSame(
			`waterfall of ${names.get(traceId)}`,
			(await window.waterfall.spans()).map(({ id, state }) => `${id} ${state}`),
			list.map((span) => `${span.id} ${stateOf(span)}`),
		);
	}
}
