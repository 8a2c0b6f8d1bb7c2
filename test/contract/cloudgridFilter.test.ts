import { describe, expect, it, vi } from "vitest";
import type { CloudgridPeer } from "../peers/cloudgridPeer.ts";
import { agree, loaded, makeSource, never, soon, startPeer } from "./support/cloudgridRig.ts";

interface Subscribed {
	readonly variables: { readonly input: Record<string, unknown> };
}

function subscriptions(peer: CloudgridPeer) {
	const seen = peer.messages.filter((message) => message.type === "subscribe" || message.type === "complete");
	return seen.map(({ type, id, payload }) => ({
		type,
		id,
		input: (payload as Subscribed | undefined)?.variables.input,
	}));
}

function searches(peer: CloudgridPeer) {
	return peer.requests.map(({ variables }) => (variables as Subscribed["variables"]).input);
}

describe("the filter of a CloudGrid source", () => {
	it("goes to the server with the search and with the subscription", async () => {
		const peer = await startPeer();
		const options = { service: " api ", status: "error", minDurationMs: 1, attributes: "team=search, user", from: "" };
		const source = makeSource(peer.url, { options });
		const failing = { name: "run", status: "error", attributes: { team: "search", user: 7 } } as const;
		const ended = { startNs: 1_772_787_600_000_000_000n, endNs: 1_772_787_600_100_000_000n };
		const stored = peer.addTrace({ spans: [{ ...failing, ...ended }] });
		peer.addTrace();
		source.connect();
		await loaded(source);
		expect([...source.store.entries()].map((entry) => entry.traceId)).toEqual([stored]);
		const filter = {
			service: "api",
			status: "error",
			minDurationMs: 1,
			attributes: [
				{ key: "team", operator: "eq", value: "search" },
				{ key: "user", operator: "exists" },
			],
		};
		expect(subscriptions(peer)).toMatchObject([{ input: filter }]);
		expect(searches(peer)).toEqual([{ ...filter, sort: "startedAt_desc", limit: 200 }]);
		peer.addTrace();
		const live = peer.addTrace({ spans: [{ ...failing, ...ended }] });
		await vi.waitFor(() => expect(source.store.entry(live)).toBeDefined(), soon);
		expect(source.store.traceCount).toBe(2);
	});

	it("is applied here again where the live matcher ignores it (services) or takes it exactly (operationName)", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { options: { services: "api, worker", operationName: "CHECK" } });
		const span = (name: string, serviceName: string) => ({ spans: [{ name, serviceName }] });
		const stored = peer.addTrace(span("checkout", "worker"));
		peer.addTrace(span("login", "api"));
		peer.addTrace(span("checkout", "mail"));
		source.connect();
		await loaded(source);
		expect([...source.store.entries()].map((entry) => entry.traceId)).toEqual([stored]);
		expect(subscriptions(peer)[0].input).toEqual({ services: ["api", "worker"] });
		peer.addTrace(span("login", "api"));
		peer.addTrace(span("checkout", "mail"));
		const live = peer.addTrace(span("re-check", "api"));
		await vi.waitFor(() => expect(source.store.entry(live)).toBeDefined(), soon);
		expect(source.store.traceCount).toBe(2);
	});

	it("asks the search about a live trace when only that can tell (spanName)", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { options: { spanName: "charge" } });
		source.connect();
		await loaded(source);
		const other = peer.addTrace();
		const wanted = peer.addTrace({ spans: [{ name: "checkout" }, { name: "charge", parentSpanId: null }] });
		await vi.waitFor(() => expect(source.store.entry(wanted)).toBeDefined(), soon);
		expect(source.store.entry(other)).toBeUndefined();
		// One search for both, and none for a trace that is here.
		const before = searches(peer).length;
		expect(before).toBe(2);
		peer.addSpan(wanted);
		await vi.waitFor(() => expect(source.store.summary(wanted)?.spanCount).toBe(3), soon);
		expect(searches(peer)).toHaveLength(before);
	});

	it("changes without a moment between: the new subscription starts before the old one is stopped, rows stay", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const before = peer.addTrace();
		await agree(source, peer);
		const [{ id: old }] = subscriptions(peer);
		source.setFilter({ service: "worker" });
		await vi.waitFor(() => expect(subscriptions(peer)).toHaveLength(3), soon);
		const [, started, stopped] = subscriptions(peer);
		expect(started).toMatchObject({ type: "subscribe", input: { service: "worker" } });
		expect(started.id).not.toBe(old);
		expect(stopped).toMatchObject({ type: "complete", id: old });
		await vi.waitFor(() => expect(searches(peer).at(-1)).toMatchObject({ service: "worker" }), soon);
		peer.addTrace({ spans: [{ serviceName: "mail" }] });
		const after = peer.addTrace({ spans: [{ serviceName: "worker" }] });
		await vi.waitFor(() => expect(source.store.entry(after)).toBeDefined(), soon);
		expect([...source.store.entries()].map((entry) => entry.traceId).sort()).toEqual([before, after].sort());
		expect(peer.openedSockets).toBe(1);
		expect(source.seen.states.filter((name) => name === "connecting")).toHaveLength(1);
	});

	it("lets no event of the old subscription through once it has changed, not even before the new one has answered", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const [{ id: old }] = subscriptions(peer);
		// The new one says nothing at first.
		peer.losesEvents = true;
		source.setFilter({ service: "worker" });
		await vi.waitFor(() => expect(peer.subscriptionCount).toBe(2), soon);
		const trace = {
			id: "late",
			serviceName: "api",
			startedAt: "2026-03-06T09:00:00.000Z",
			attributes: {},
			spanCount: 1,
		};
		const event = { type: "added", seq: 2, receivedAt: "2026-03-06T09:00:00.000Z", trace };
		peer.sendNext({ data: { liveTraces: event } }, old);
		peer.losesEvents = false;
		peer.beat();
		await vi.waitFor(() => expect(subscriptions(peer).at(-1)).toMatchObject({ type: "complete", id: old }), soon);
		const after = peer.addTrace({ spans: [{ serviceName: "worker" }] });
		await vi.waitFor(() => expect(source.store.entry(after)).toBeDefined(), soon);
		expect(source.store.entry("late")).toBeUndefined();
	});

	it("starts nothing for a filter that means the same, and takes a new one along to the next connection", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url, { options: { services: "b,a" } });
		source.setFilter({ services: ["a", "b"], query: " " });
		source.connect();
		await loaded(source);
		source.setFilter({ services: ["b", "a"], service: undefined });
		expect(subscriptions(peer)).toHaveLength(1);
		source.disconnect();
		source.setFilter({ service: "worker" });
		source.connect();
		await loaded(source);
		expect(subscriptions(peer).at(-1)).toMatchObject({ type: "subscribe", input: { service: "worker" } });
	});

	it("that the server refuses stops with its words", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		source.setFilter({ minDurationMs: 2, maxDurationMs: 1 });
		const message = "CloudGrid: minDurationMs must not be greater than maxDurationMs (ERR-001)";
		await vi.waitFor(() => expect(source.status.state).toMatchObject({ name: "failed", message }), soon);
		// What was left out on suspicion of an older server is asked for again.
		source.setFilter({});
		source.connect();
		await loaded(source);
		peer.addTrace({ name: "by name" });
		await agree(source, peer);
	});
});

describe("a pause of what is shown", () => {
	it("is nothing that the server hears of: the store goes on, and a refresh reads what is there", async () => {
		const peer = await startPeer();
		const source = makeSource(peer.url);
		source.connect();
		await loaded(source);
		const told = peer.messages.length;
		const shownAt = source.store.revision;
		peer.addTrace();
		await agree(source, peer);
		expect(source.store.revision).toBeGreaterThan(shownAt);
		peer.silently(() => peer.addTrace());
		await source.refresh(never);
		await agree(source, peer);
		expect(peer.messages).toHaveLength(told);
		expect(peer.subscriptionCount).toBe(1);
	});
});
