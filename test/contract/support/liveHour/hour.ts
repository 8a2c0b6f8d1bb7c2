import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { silentLogger } from "../../../../src/base/logger.ts";
import { type DemoSpan, planTrace } from "../../../../src/cli/demoPlan.ts";
import { OVERVIEW_CALLS, OVERVIEW_RANGES, type Overview, type OverviewRange } from "../../../../src/model/overview.ts";
import { overviewOfStore } from "../../../../src/model/overviewOfStore.ts";
import { loadPrices } from "../../../../src/model/prices.ts";
import type { WireAnalytics, WireSummary } from "../../../../src/protocol/analytics.ts";
import { parseListeningLine } from "../../../../src/protocol/serverInfo.ts";
import type { WireSession } from "../../../../src/protocol/sessions.ts";
import type { Source } from "../../../../src/sources/source.ts";
import { decodeOverview } from "../../../../src/sources/traceway/overview.ts";
import { createTracewaySource } from "../../../../src/sources/traceway/tracewaySource.ts";
import { FaultProxy } from "../../../peers/faultProxy.ts";
import { Process } from "../cli.ts";
import { differences, type Facts } from "./facts.ts";
import { LivePage } from "./livePage.ts";
import * as places from "./places.ts";
import { copyDatabase, recount } from "./recount.ts";

export interface HourOptions {
	readonly cliPath: string;
	/** Empty; for the server's data and copies of them. */
	readonly directory: string;
	/** How many times faster than life. */
	readonly speed: number;
	/** Traces of the demo, half a trace a second of its time. */
	readonly traces: number;
	readonly seed: number;
	/** Times at which the demo is stopped, in the midst of its traces, and everything is compared. */
	readonly checkpoints: number;
	readonly log: (line: string) => void;
}

export interface HourSummary {
	readonly traces: number;
	readonly spans: number;
	readonly tokens: number;
	readonly costUsd: number;
	/** Stream events that the extension's source received. */
	readonly events: number;
	/** Numbers that were compared with the database, at all checkpoints. */
	readonly numbers: number;
	/** Messages to the live page after which its cards were compared with its rows. */
	readonly messages: number;
	readonly tookMs: number;
	/** Empty is what is promised. At most `MAX_PROBLEMS`. */
	readonly problems: readonly string[];
	readonly problemCount: number;
}

const MAX_PROBLEMS = 40;
/** Sessions whose own overviews are compared. */
const SESSION_OVERVIEWS = 4;
/** What was sent has arrived everywhere by then: all of it is under way when the demo stops. */
const SETTLE_MS = 6_000;

/**
 * Plays live traffic faster than life into the real server, in processes of their own, with the extension's source on it, and
 * compares what every place says with a recount of the database: the live table and its cards, the overview as the server
 * counts it and as it is counted from the store, the analytics API, sessions and lists. The stream is cut after each
 * checkpoint, and a trace is deleted at each. At the end also with what the demo had planned to send, with a source that
 * connects only then, and with a server that was started again.
 */
export async function runHour(options: HourOptions): Promise<HourSummary> {
	const { cliPath, directory, speed, traces, seed, checkpoints, log } = options;
	await loadPrices();
	const dataDir = join(directory, "data");
	const beganMs = performance.now();
	const problems: string[] = [];
	let problemCount = 0;
	let numbers = 0;
	const report = (lines: readonly string[]) => {
		problemCount += lines.length;
		problems.push(...lines.slice(0, MAX_PROBLEMS - problems.length));
	};
	let server = await startServer(cliPath, dataDir);
	const { url: firstUrl } = server;
	const proxy = await FaultProxy.start(() => firstUrl);
	const source = connect(proxy.url);
	const page = new LivePage(source);
	const demo = new Process(
		process.execPath,
		[cliPath, "demo", "--url", server.url, "--live", ...given({ speed, traces, seed })],
		process.env,
	);
	/** What is deleted on the way. */
	const gone = { spans: 0, failed: 0, inputTokens: 0, outputTokens: 0 };
	/** Compares until all agree; what still differs then is a fault. */
	const compare = async (when: string, url: string, ...pages: readonly (readonly [Source, LivePage])[]) => {
		const deadline = performance.now() + SETTLE_MS;
		for (;;) {
			const truth = recountNow(dataDir, join(directory, "copy"));
			const said = await everyPlace(url, pages);
			const found = [...said.facts].flatMap(([place, facts]) =>
				differences(place, facts, truth, !place.startsWith("overview of ")),
			);
			found.push(...said.problems);
			if (found.length > 0 && performance.now() < deadline) {
				await delay(50);
				continue;
			}
			const compared = [...said.facts.values()].reduce((sum, { size }) => sum + size, 0);
			numbers += compared;
			report(found.map((line) => `${when}: ${line}`));
			log(`${when}: ${truth.get("total all: traces")} traces, ${compared} numbers, ${found.length} differences`);
			return truth;
		}
	};
	try {
		await until(() => source.status.isLoaded && source.status.state.name === "open");
		for (let checkpoint = 1; checkpoint <= checkpoints; checkpoint++) {
			await demo.until(() => demo.lines.length >= Math.floor((traces * checkpoint) / (checkpoints + 1)));
			demo.child.kill("SIGSTOP");
			const truth = await compare(`checkpoint ${checkpoint}`, server.url, [source, page]);
			const doomed = biggestEnded(truth);
			for (const name of ["spans", "failed", "inputTokens", "outputTokens"] as const) {
				gone[name] += Number(truth.get(`trace ${doomed}: ${name}`));
			}
			await ask(server.url, `/traces/${doomed}`, { method: "DELETE" });
			await compare(`checkpoint ${checkpoint}, one trace deleted`, server.url, [source, page]);
			proxy.cut();
			demo.child.kill("SIGCONT");
		}
		if ((await demo.ended) !== 0) throw new Error(`the demo failed: ${demo.stderr}`);
		const playedMs = performance.now() - beganMs;
		const truth = await compare("at the end", server.url, [source, page]);
		report(plannedDifferences(traces, seed, gone, truth));
		report(page.problems);

		const late = connect(server.url);
		const latePage = new LivePage(late);
		try {
			await until(() => late.status.isLoaded);
			await compare("connected at the end", server.url, [late, latePage]);
		} finally {
			latePage.dispose();
			late.dispose();
		}
		await server.stop();
		server = await startServer(cliPath, dataDir);
		await compare("server started again", server.url);
		return {
			traces: Number(truth.get("total all: traces")),
			spans: Number(truth.get("total all: spans")),
			tokens: Number(truth.get("total all: tokens")),
			costUsd: Number(truth.get("total all: cost")) / 1e9,
			events: source.status.received,
			numbers,
			messages: page.compared,
			tookMs: playedMs,
			problems,
			problemCount,
		};
	} finally {
		// Also when it is stopped.
		demo.child.kill("SIGKILL");
		page.dispose();
		source.dispose();
		await proxy.dispose();
		await server.stop();
	}
}

interface Server {
	readonly url: string;
	stop(): Promise<void>;
}

async function startServer(cliPath: string, dataDir: string): Promise<Server> {
	const args = [cliPath, "serve", "--port", "0", "--otlp-port", "0", "--data-dir", dataDir, "--json"];
	const server = new Process(process.execPath, args, process.env);
	await server.until(() => server.lines.length > 0);
	const line = parseListeningLine(server.lines[0]!);
	if (line === undefined) throw new Error(`the server said: ${server.stdout}`);
	return {
		url: line.url,
		stop: async () => {
			server.child.kill("SIGTERM");
			await server.ended;
		},
	};
}

function connect(url: string): Source {
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
		snapshotTraces: 100_000,
		minBackoffMs: 50,
	});
	source.connect();
	return source;
}

function recountNow(dataDir: string, copyDir: string): Facts {
	mkdirSync(copyDir, { recursive: true });
	const copy = join(copyDir, "traces.db");
	try {
		copyDatabase(join(dataDir, "traces.db"), copy);
		return recount(copy);
	} finally {
		rmSync(copyDir, { recursive: true, force: true });
	}
}

/** What every place says now; `problems` are ways in which two of them differ beyond their sums. */
async function everyPlace(url: string, pages: readonly (readonly [Source, LivePage])[]) {
	const facts = new Map<string, Facts>();
	const problems: string[] = [];
	facts.set("analytics/summary", places.summaryFacts(await ask<WireSummary>(url, "/analytics/summary")));
	for (const by of ["model", "trace", "session"] as const) {
		// A session's group also has the spans that name none, a model's those without a model: they are another kind.
		const filter = by === "model" ? { kind: "llm_call" } : {};
		const answer = await ask<WireAnalytics>(url, "/analytics", {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ group_by: [by], filter }),
		});
		const said = places.analyticsFacts(answer, by);
		// Totals of a filtered question are of what it asks for.
		if (by === "model") for (const key of said.keys()) if (key.startsWith("total")) said.delete(key);
		facts.set(`analytics by ${by}`, said);
	}
	facts.set("sessions", places.wireSessionFacts(await pagesOf<WireSession>(url, "/sessions")));
	facts.set("traces", places.traceListFacts(await pagesOf<Readonly<Record<string, unknown>>>(url, "/traces")));
	for (const range of OVERVIEW_RANGES) {
		const atMs = Date.now();
		const counted = await askOverview(url, range, atMs);
		facts.set(`overview ${range}`, places.overviewFacts(counted));
		for (const [{ store }] of pages) {
			const { signal } = new AbortController();
			const own = comparable(await overviewOfStore({ store, range, nowMs: atMs, turn: () => nextTurn(), signal }));
			facts.set(`overview ${range} from the store`, places.overviewFacts(own));
			for (const [key, value] of Object.entries(own)) {
				const other = counted[key as keyof Overview];
				if (isDeepStrictEqual(value, other)) continue;
				problems.push(
					`overview ${range}: ${key} ${shortText(value)} from the store, ${shortText(other)} by the server`,
				);
			}
		}
	}
	// Of some sessions, each with its own overview: what one of all sessions says of them is another way to add up.
	for (const { id } of (await pagesOf<WireSession>(url, "/sessions")).slice(0, SESSION_OVERVIEWS)) {
		const atMs = Date.now();
		facts.set(`overview of ${id}`, places.sessionOverviewFacts(id, await askOverview(url, "all", atMs, id)));
		for (const [{ store }] of pages) {
			const { signal } = new AbortController();
			const turn = () => nextTurn();
			const own = await overviewOfStore({ store, range: "all", sessionId: id, nowMs: atMs, turn, signal });
			facts.set(`overview of ${id} from the store`, places.sessionOverviewFacts(id, own));
		}
	}
	for (const [{ store }, page] of pages) {
		const { table, cards } = page.show();
		facts.set("live table", table);
		facts.set("cards", cards);
		facts.set("sessions of the store", places.sessionFacts(store, page.nowMs));
	}
	return { facts, problems };
}

async function askOverview(url: string, range: OverviewRange, atMs: number, sessionId?: string): Promise<Overview> {
	const query = new URLSearchParams({ range, at: new Date(atMs).toISOString() });
	if (sessionId !== undefined) query.set("session_id", sessionId);
	const overview = decodeOverview(await ask(url, `/analytics/overview?${query}`));
	if (overview === undefined) throw new Error("the answer is no overview");
	return comparable(overview);
}

/**
 * Without texts of calls, which come from payloads that a store does not have. Of calls that began in the same millisecond
 * nobody says which is newer, and so which of them are among the newest hundred.
 */
function comparable(overview: Overview): Overview {
	const settled = (calls: Overview["newestModelCalls"]) => {
		const lastMs = calls.length < OVERVIEW_CALLS ? Number.NEGATIVE_INFINITY : (calls.at(-1)?.startMs ?? 0);
		return calls
			.filter(({ startMs }) => (startMs ?? 0) > lastMs)
			.map((call) => ({ ...call, preview: null }))
			.sort((a, b) => (b.startMs ?? 0) - (a.startMs ?? 0) || (a.spanId < b.spanId ? -1 : 1));
	};
	return {
		...overview,
		newestModelCalls: settled(overview.newestModelCalls),
		newestToolCalls: settled(overview.newestToolCalls),
	};
}

/** The demo's plan knows what it sends: nothing of it may be lost, or count twice. */
function plannedDifferences(
	traces: number,
	seed: number,
	gone: Readonly<Record<string, number>>,
	truth: Facts,
): string[] {
	const planned: Record<string, number> = { spans: 0, failed: 0, inputTokens: 0, outputTokens: 0 };
	const visit = ({ result, children }: DemoSpan) => {
		planned.spans++;
		if (result.type === "failed") planned.failed++;
		else if (result.kind?.type === "llm_call") {
			planned.inputTokens += result.kind.input_tokens ?? 0;
			planned.outputTokens += result.kind.output_tokens ?? 0;
		}
		for (const child of children) visit(child);
	};
	for (let number = 0; number < traces; number++) visit(planTrace(seed, number).root);
	const said: Facts = new Map(
		Object.entries(planned).map(([name, value]) => [`total all: ${name}`, value - (gone[name] ?? 0)]),
	);
	return differences("what the demo sent", said, truth);
}

/** The ended trace with the most tokens. */
function biggestEnded(truth: Facts): string {
	let best = "";
	let most = -1;
	for (const [key, value] of truth) {
		const id = /^trace (.+): tokens$/.exec(key)?.[1];
		if (id === undefined || truth.get(`trace ${id}: running`) !== 0 || Number(value) <= most) continue;
		best = id;
		most = Number(value);
	}
	return best;
}

async function ask<T>(url: string, path: string, init?: RequestInit): Promise<T> {
	const response = await fetch(`${url}/api${path}`, init);
	const text = await response.text();
	if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`);
	return JSON.parse(text) as T;
}

async function pagesOf<T>(url: string, path: string): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | null = null;
	do {
		const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
		const page: { readonly items: readonly T[]; readonly next_cursor: string | null } = await ask(
			url,
			`${path}?limit=1000${query}`,
		);
		items.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor !== null);
	return items;
}

function shortText(value: unknown): string {
	return JSON.stringify(value).slice(0, 300);
}

async function until(isTrue: () => boolean): Promise<void> {
	while (!isTrue()) await delay(10);
}

function given(values: Readonly<Record<string, number>>): string[] {
	return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}
