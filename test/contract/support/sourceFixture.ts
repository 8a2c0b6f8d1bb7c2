import { expect, vi } from "vitest";
import { sourceDefinition } from "../../../src/sources/registry.ts";
import type { Source, SourceOptions, SourceType } from "../../../src/sources/source.ts";
import { recordingLogger } from "./testServer.ts";

/** A span as a client must show it. */
export interface ExpectedSpan {
	readonly spanId: string;
	readonly parentSpanId: string | null;
	readonly name: string;
	readonly state: "running" | "completed" | "failed";
}

/** A trace that a peer has, with all its spans: those that the adapter makes of the wire's objects, in any order. */
export interface ExpectedTrace {
	readonly traceId: string;
	readonly spans: readonly ExpectedSpan[];
}

/** A trace that was added, and a span of it whose payload holds a text that no other trace has. */
export interface AddedTrace {
	readonly traceId: string;
	readonly spanId: string;
	readonly payload: string;
}

type Awaitable<T> = T | Promise<T>;

/**
 * A backend that tests can rule over: a peer of `test/peers` or our own server. Its data outlives `kill` and `revive`, and can be
 * changed while it is dead. What a method is missing for, the backend's wire cannot tell; the tests of it are left out.
 */
export interface SourcePeer {
	/** The same after `revive`. */
	readonly url: string;
	/** What it has now. */
	traces(): Awaitable<readonly ExpectedTrace[]>;
	/** A finished trace: a root and at least one span below it. Later ones are newer. The payload has more than 1,000 bytes. */
	addTrace(trace: { readonly name: string; readonly sessionId?: string | undefined }): Awaitable<AddedTrace>;
	/** As `addTrace`, for one that has not ended; where that is told apart from a trace with a running span. */
	openTrace?(trace: { readonly name: string }): Awaitable<AddedTrace>;
	/** Adds a finished span to a trace; its id. */
	addSpan?(traceId: string): Awaitable<string>;
	/** Adds a span that runs; its id. */
	startSpan?(traceId: string): Awaitable<string>;
	endSpan?(traceId: string, spanId: string): Awaitable<void>;
	/** Takes a trace away as retention does. Missing where clients cannot learn of it. */
	removeTrace?(traceId: string): Awaitable<void>;
	/** From now on requests need this token, none with undefined. */
	setToken?(token: string | undefined): Awaitable<void>;
	/** Sets its clock, by which later traces are dated; milliseconds to add to the real one. Missing where it has none. */
	setClock?(offsetMs: number): void;
	/** Calls of models that an overview of everything counts; where the backend counts. */
	callCount?(): Awaitable<number>;
	/** Dies: its connections break, its port is free. */
	kill(): Promise<void>;
	/** Comes back on the same port. */
	revive(): Promise<void>;
	/** Ends for good, dead or alive. */
	close(): Promise<void>;
}

/** One kind of source with its backend, for the list of behaviours that all of them have (`sourceContract.ts`). */
export interface SourceFixture {
	readonly type: SourceType;
	/** For titles: `Tempo`, `TraceLLM with its SQLite file`. */
	readonly label: string;
	/** Whether `searchTraces` finds texts, else it refuses. */
	readonly hasTextSearch: boolean;
	/** Whether `searchTrace` does. */
	readonly hasTraceSearch: boolean;
	/** Its sessions are what here are traces: no two traces are of one session. */
	readonly isSessionTrace?: boolean;
	/** Settings of its own, such as a short distance of polls. */
	readonly options?: SourceOptions["config"]["options"];
	start(): Promise<SourcePeer>;
}

/** A source as the registry makes it, with what a test wants to look at. */
export interface MadeSource {
	readonly source: Source;
	/** Everything that it logged. */
	readonly lines: readonly string[];
	/** Every word of every status that it announced, as JSON. */
	readonly told: readonly string[];
}

export const soon = { timeout: 20_000, interval: 5 };
export const never = new AbortController().signal;

/** Waits until `check` no longer throws. */
export async function until(check: () => unknown): Promise<void> {
	await vi.waitFor(check, soon);
}

export async function makeSource(
	fixture: SourceFixture,
	url: string,
	options: Partial<SourceOptions> = {},
): Promise<MadeSource> {
	const definition = sourceDefinition(fixture.type);
	if (definition === undefined) throw new Error(`no adapter is registered for ${fixture.type}`);
	const logger = recordingLogger();
	const source = await definition.create({
		config: { id: "s", name: "Somewhere", type: fixture.type, url, options: fixture.options },
		logger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		minBackoffMs: 10,
		random: () => 0.5,
		...options,
	});
	const told: string[] = [];
	source.onDidChangeStatus((status) => told.push(JSON.stringify(status)));
	return { source, lines: logger.lines, told };
}

export async function loaded(source: Source): Promise<void> {
	await until(() => expect(source.status).toMatchObject({ state: { name: "open" }, isLoaded: true }));
}

/** Opens a trace as a panel does: it is kept, and read if it is not whole. */
export async function open(source: Source, traceId: string): Promise<void> {
	source.store.pin(traceId);
	if (source.store.entry(traceId)?.isWhole !== true) await source.loadTrace(traceId, never);
}

/**
 * Waits until the source shows exactly what the peer has, nothing missing and nothing twice; every trace is opened for it.
 * @param readable What of a name is compared.
 */
export async function agree(
	source: Source,
	peer: Pick<SourcePeer, "traces">,
	readable: (name: string) => string = (name) => name,
): Promise<void> {
	await vi.waitFor(async () => {
		const wanted = await peer.traces();
		expect(shownIds(source)).toEqual(wanted.map(({ traceId }) => traceId).sort());
		for (const { traceId } of wanted) {
			if (source.store.entry(traceId)?.isWhole !== true) await source.loadTrace(traceId, never);
		}
		expect(differences(source, wanted, readable)).toEqual([]);
	}, soon);
}

export function shownIds(source: Source): string[] {
	return [...source.store.entries()].map(({ traceId }) => traceId).sort();
}

/** How the source's store differs from what it should show; empty when they agree, at most five lines of each kind. */
export function differences(
	source: Source,
	wanted: readonly ExpectedTrace[],
	readable: (name: string) => string = (name) => name,
): string[] {
	const lineOf = (traceId: string, span: Partial<ExpectedSpan>) => {
		const { spanId, name = "", parentSpanId, state } = span;
		return `${traceId} ${spanId} "${readable(name)}" below ${parentSpanId ?? "nothing"}, ${state}`;
	};
	const shown = [...source.store.entries()].flatMap(({ traceId, rows }) =>
		rows.map((row) => lineOf(traceId, source.store.spanAt(row))),
	);
	const expected = wanted.flatMap(({ traceId, spans }) => spans.map((span) => lineOf(traceId, span)));
	const missing = without(expected, shown).map((line) => `missing: ${line}`);
	const extra = without(shown, expected).map((line) => `too much: ${line}`);
	return [...missing.slice(0, 5), ...extra.slice(0, 5)];
}

/** The lines that are not in `others`, each as often as it is there more often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
	const left = [...others];
	return lines.filter((line) => {
		const at = left.indexOf(line);
		if (at >= 0) left.splice(at, 1);
		return at < 0;
	});
}

/** The words as they are in English. */
export const plain = (text: string, ...args: (string | number | boolean)[]) =>
	text.replace(/\{(\d)\}/g, (_place, index) => String(args[Number(index)]));
