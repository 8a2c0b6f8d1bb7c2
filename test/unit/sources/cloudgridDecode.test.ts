import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/base/logger.ts";
import {
	decodeLiveEvent,
	decodeTimes,
	decodeTrace,
	decodeTracePage,
	parseNanos,
} from "../../../src/sources/cloudgrid/decode.ts";
import {
	filterKey,
	liveInput,
	matchesFilter,
	readSettings,
	searchInput,
} from "../../../src/sources/cloudgrid/filter.ts";
import { GraphqlClient } from "../../../src/sources/cloudgrid/graphqlClient.ts";
import { Operations } from "../../../src/sources/cloudgrid/operations.ts";
import { problemOf } from "../../../src/sources/cloudgrid/problem.ts";
import { decodeSpan, Resources } from "../../../src/sources/cloudgrid/spans.ts";
import { traceInput } from "../../../src/sources/cloudgrid/traceHistory.ts";

const same = (text: string) => text;

describe("times of CloudGrid", () => {
	it("in nanoseconds as text are exact", () => {
		fc.assert(
			fc.property(fc.bigInt({ min: 1n, max: 9_999_999_999_999_999_999n }), (nanos) => {
				const time = parseNanos(String(nanos));
				expect(BigInt(time?.ms ?? 0) * 1_000_000n + BigInt(time?.subNs ?? 0)).toBe(nanos);
			}),
		);
	});

	it.each([1772787600000000000, "", "-5", "1e18", "0", "99999999999999999999999", null, "1.5"])(
		"in nanoseconds are not taken from %s",
		(value) => {
			expect(parseNanos(value)).toBeUndefined();
		},
	);

	const startedAt = "2026-03-06T09:00:00.000Z";
	const start = { ms: Date.parse(startedAt), subNs: 0 };
	it.each([
		[
			"the end in nanoseconds, first",
			{ endedAtUnixNano: "1772787600250000001", endedAt: startedAt, durationMs: 9 },
			250,
			1,
		],
		[
			"the duration, which is more exact than the end",
			{ endedAt: "2026-03-06T09:00:00.250Z", durationMs: 250.000001 },
			250,
			1,
		],
		["the end, when the duration does not fit it", { endedAt: "2026-03-06T09:00:00.250Z", durationMs: 70 }, 250, 0],
		["the duration alone", { durationMs: 0.5 }, 0, 500_000],
		["the end alone", { endedAt: "2026-03-06T09:00:00.250Z" }, 250, 0],
	])("end by %s", (_what, told, ms, subNs) => {
		expect(decodeTimes({ startedAt, ...told })).toEqual({ start, end: { ms: start.ms + ms, subNs } });
	});

	it("leave the end of a running trace open", () => {
		expect(decodeTimes({ startedAt, endedAt: null, durationMs: null })).toEqual({ start, end: undefined });
	});
});

describe("answers of CloudGrid", () => {
	const summary = { id: "t", serviceName: "api", operationName: "run", startedAt: "2026-03-06T09:00:00.000Z" };

	it("never throw, whatever they are", () => {
		const resources = new Resources();
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				decodeLiveEvent(value);
				decodeLiveEvent({ liveTraces: value });
				decodeLiveEvent({ liveTraces: { type: "added", seq: 1, trace: value } });
				decodeTracePage(value);
				decodeTracePage({ traces: { items: [value], nextCursor: value } });
				decodeSpan(value, "t", resources);
				decodeSpan({ id: "s", attributes: value, events: value, links: [value], exceptions: [value] }, "t", resources);
				problemOf(value, same);
				problemOf([value, { message: value, extensions: { problem: value, code: value } }], same);
			}),
			{ numRuns: 300 },
		);
	});

	it.each([
		[
			{ type: "heartbeat", seq: 3, trace: null },
			{ type: "heartbeat", seq: 3 },
		],
		[
			{ type: "added", seq: 3, trace: summary },
			{ type: "trace", seq: 3, isSnapshot: false },
		],
		[
			{ type: "snapshot", seq: 1, trace: summary },
			{ type: "trace", seq: 1, isSnapshot: true },
		],
	])("are events: %o", (event, expected) => {
		expect(decodeLiveEvent({ liveTraces: event })).toMatchObject(expected);
	});

	it.each([
		{ type: "added", seq: 3, trace: null },
		{ type: "added", trace: summary },
		{ type: "heartbeat", seq: 0 },
		{ type: "heartbeat", seq: 1.5 },
		{ type: "removed", seq: 3, trace: summary },
		{ type: "added", seq: 3, trace: { ...summary, id: "x".repeat(300) } },
	])("are no events: %o", (event) => {
		expect(decodeLiveEvent({ liveTraces: event })).toBeUndefined();
	});

	it("become a report of a trace: failed by any span, running without an end", () => {
		const report = (told: object) => {
			const trace = decodeTrace({ ...summary, attributes: { "session.id": "s1" }, spanCount: 3, ...told });
			return trace === undefined ? undefined : traceInput(trace);
		};
		expect(report({ status: "ok", durationMs: 5, errorSpanCount: 0 })).toMatchObject({
			traceId: "t",
			name: "run",
			reported: { spanCount: 3, failedCount: 0, state: "completed", serviceName: "api", sessionId: "s1" },
		});
		expect(report({ status: "ok", durationMs: 5, errorSpanCount: 1 })?.reported?.state).toBe("failed");
		expect(report({ status: "error" })?.reported?.state).toBe("failed");
		expect(report({ status: "unset" })?.reported?.state).toBe("running");
		expect(report({ spanCount: -1, errorSpanCount: "many" })?.reported).toMatchObject({ spanCount: undefined });
	});

	it("keep what a span says within bounds", () => {
		const deep = JSON.parse(`${'{"a":'.repeat(3000)}1${"}".repeat(3000)}`) as unknown;
		const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, index]));
		const events = Array.from({ length: 50_000 }, () => ({ name: "e", attributes: {} }));
		const span = decodeSpan(
			{ id: "s", name: "n".repeat(1e6), attributes: { deep, ...many }, events },
			"t",
			new Resources(),
		);
		expect(span?.raw.name).toHaveLength(512);
		expect(span?.raw.attributes.keys.length).toBeLessThanOrEqual(20_000);
		expect(span?.raw.events.length).toBeLessThanOrEqual(20_000);
	});

	it("tell kind, status and what went wrong of a span", () => {
		const span = (told: object) => decodeSpan({ id: "s", parentSpanId: "", ...told }, "t", new Resources())?.raw;
		expect(span({ kind: "SPAN_KIND_SERVER", status: "ok" })).toMatchObject({
			kind: 2,
			statusCode: 1,
			parentSpanId: null,
		});
		expect(span({ kind: "client" })).toMatchObject({ kind: 3, statusCode: 0, statusMessage: "" });
		expect(span({ kind: "other", status: "error" })).toMatchObject({ kind: 0, statusCode: 2, statusMessage: "" });
		const attributes = { "otel.status_description": "no room" };
		expect(span({ status: "error", attributes })).toMatchObject({ statusMessage: "no room" });
		const exceptions = [{ type: "E", message: "too slow" }];
		expect(span({ status: "error", exceptions })).toMatchObject({ statusMessage: "too slow" });
		// The same exception twice is one.
		expect(span({ exceptions, events: [{ name: "exception", attributes: {} }] })?.events).toHaveLength(1);
	});
});

describe("errors of CloudGrid", () => {
	const error = (problem: object, code?: string) => [{ message: "words", extensions: { code, problem } }];
	it("are judged by their id, else by their code, else as a fault that may pass", () => {
		expect(problemOf(error({ id: "ERR-017" }), same)).toMatchObject({ reason: "rateLimited", isRetryable: true });
		expect(problemOf(error({}, "FORBIDDEN"), same)).toMatchObject({ id: "ERR-016", reason: "forbidden" });
		expect(problemOf(error({ retryable: true }, "NEW"), same)).toMatchObject({
			reason: "serverError",
			isRetryable: true,
		});
		expect(problemOf(error({}, "NEW"), same)).toMatchObject({ reason: "protocol", isRetryable: false });
		expect(problemOf([{ message: "words" }], same)).toMatchObject({ reason: "serverError", isRetryable: true });
		expect(problemOf("broken", same)).toMatchObject({ isRetryable: true });
		for (const none of [undefined, null, []]) expect(problemOf(none, same)).toBeUndefined();
	});

	it("are one line of bounded length, without what is to be hidden", () => {
		const message = `${"a\n\u0007b ".repeat(1000)}secret`;
		const text = problemOf([{ message }], (one) => one.replaceAll("secret", "…"))?.message ?? "";
		expect(text.length).toBeLessThan(350);
		expect(text).not.toMatch(/\p{Cc}|secret/u);
	});

	it("name the fields that an older server lacks, which are then left out", () => {
		const operations = new Operations();
		expect(operations.search).toContain("startedAtUnixNano");
		const message = 'Cannot query field "startedAtUnixNano" on type "TraceSummary". Did you mean "startedAt"?';
		const problem = problemOf([{ message }], same)!;
		expect(operations.learn(problem)).toBe(true);
		expect(operations.search).not.toContain("startedAtUnixNano");
		expect(operations.search).toContain("operationName");
		expect(operations.learn(problem)).toBe(false);
	});

	it("that hide what is wrong cost the young fields once, which come back when that was not it", () => {
		const operations = new Operations();
		const before = operations.live;
		const problem = problemOf(error({ id: "ERR-001" }), same)!;
		expect(operations.learn(problem)).toBe(true);
		expect(operations.live).not.toMatch(/UnixNano|durationNano|operationName/);
		expect(operations.learn(problem)).toBe(false);
		expect(operations.live).toBe(before);
	});
});

describe("settings of a CloudGrid source", () => {
	it("are read", () => {
		const { filter } = readSettings({ service: " api ", services: "a, ,b", minDurationMs: "5", attributes: "k=v=w,x" });
		expect(filter).toMatchObject({ service: "api", services: ["a", "b"], minDurationMs: 5 });
		expect(filter.attributes).toEqual([
			{ key: "k", operator: "eq", value: "v=w" },
			{ key: "x", operator: "exists" },
		]);
		expect(readSettings()).toMatchObject({ heartbeatSeconds: undefined });
	});

	it.each([
		[{ servise: "x" }, '"servise" is not known'],
		[{ from: "2026-03-06T09:00:00" }, "from must be a time with an offset"],
		[{ from: "yesterday" }, "from must be a time with an offset"],
		[{ status: "failed" }, "status must be ok, error or unset"],
		[{ minDurationMs: -1 }, "minDurationMs must be a number"],
		[{ maxDurationMs: "long" }, "maxDurationMs must be a number"],
		[{ minDurationMs: 2, maxDurationMs: 1 }, "minDurationMs must not be greater"],
		[{ heartbeatSeconds: 0 }, "heartbeatSeconds must be 1 to 600"],
	])("that make no sense are refused in words: %o", (options, words) => {
		expect(() => readSettings(options as Record<string, string>)).toThrow(words);
	});

	it("have one key for filters that mean the same", () => {
		expect(filterKey({ service: " a ", services: ["y", "x"], query: "" })).toBe(
			filterKey({ services: ["x", "y"], service: "a" }),
		);
		expect(filterKey({ service: "a" })).not.toBe(filterKey({ service: "b" }));
		expect(filterKey({ query: " ", services: [] })).toBe("");
	});

	it("go to search and to the subscription, as far as both take them alike", () => {
		const filter = { operationName: "run", service: "api", spanName: "step" };
		expect(liveInput(filter)).toEqual({ service: "api", spanName: "step" });
		expect(searchInput(filter, 50, "c")).toEqual({ ...filter, sort: "startedAt_desc", limit: 50, cursor: "c" });
	});

	it("are sure or not of a trace by its summary", () => {
		const trace = decodeTrace({ id: "t", serviceName: "api", operationName: "Checkout" })!;
		const older = decodeTrace({ id: "t" })!;
		expect(matchesFilter({}, older)).toBe(true);
		expect(matchesFilter({ services: ["api"], operationName: "check" }, trace)).toBe(true);
		expect(matchesFilter({ services: ["web"] }, trace)).toBe(false);
		expect(matchesFilter({ operationName: "login" }, trace)).toBe(false);
		expect(matchesFilter({ operationName: "check" }, older)).toBeUndefined();
		expect(matchesFilter({ services: ["api"] }, older)).toBeUndefined();
		expect(matchesFilter({ spanName: "x" }, trace)).toBeUndefined();
	});
});

describe("the address of a CloudGrid source", () => {
	const client = (url: string) =>
		new GraphqlClient({ url, fetch: globalThis.fetch, getToken: async () => undefined, logger: silentLogger });
	it.each([
		["http://127.0.0.1:3000", "ws://127.0.0.1:3000/graphql"],
		["https://cloud.example/base/", "wss://cloud.example/base/graphql"],
		["https://cloud.example/graphql", "wss://cloud.example/graphql"],
	])("%s is asked by %s", (url, expected) => {
		expect(client(url).webSocketUrl).toBe(expected);
	});

	it("that is none is refused in words", () => {
		expect(() => client("nowhere").webSocketUrl).toThrow("is not an address");
	});
});
