import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SourceError, type SourceStatus, type SourceType } from "../../src/sources/source.ts";
import { connectionText, type Indicator, indicatorOf, needsToken } from "../../src/ui/indicator.ts";
import { type Fault, FaultProxy, MARKER } from "../peers/faultProxy.ts";
import { agree, loaded, makeSource, never, plain, type SourceFixture, until } from "./support/sourceFixture.ts";
import { cloudgridFixture } from "./support/sources/cloudgridFixture.ts";
import { tempoFixture } from "./support/sources/tempoFixture.ts";
import { traceExplorerFixture } from "./support/sources/traceExplorerFixture.ts";
import { tracellmFixture } from "./support/sources/tracellmFixture.ts";
import { tracewayFixture } from "./support/sources/tracewayFixture.ts";

const SOURCES: readonly SourceFixture[] = [
	tracewayFixture,
	traceExplorerFixture,
	tempoFixture,
	tracellmFixture,
	cloudgridFixture,
];
const OUTPUT = join(import.meta.dirname, "../.output");
const TOKEN = "tw_sk_SECRET";
const DAY_MS = 86_400_000;

/** Waits of 10 s and more end 12 times as soon, so that a test sees the time limits of requests and connections. */
const LONG_MS = 10_000;
const SHORTER = 12;
/** How long a fault is watched for attempts, once its state shows. */
const WATCHED_MS = 1000;
/**
 * Requests while a fault lasts. With a shortest wait of 50 ms that doubles there are five attempts in its time, of at most four
 * requests each: a source that does not wait makes hundreds.
 */
const MOST_REQUESTS = 24;
/** Long enough for the heartbeats of a busy machine. */
const WATCHDOG_MS = 2500;
/** What 429 asks for. */
const ASKED_MS = 1000;
/** Cells that run side by side: nearly all of their time is waiting. */
const AT_ONCE = 12;

interface Case {
	readonly name: string;
	readonly fault: Fault;
	/** `state` or `state reason` that shows; the first that fits. */
	readonly shows: readonly string[];
	/** Default: so long that no test sees its end. */
	readonly watchdogMs?: number;
}

const failing: readonly Case[] = [
	{ name: "refused", fault: { type: "refused" }, shows: ["waiting network"] },
	{ name: "reset", fault: { type: "reset" }, shows: ["waiting network"] },
	{ name: "half-open", fault: { type: "halfOpen" }, shows: ["waiting timeout"] },
	{ name: "silent", fault: { type: "stalled" }, shows: ["waiting stale"], watchdogMs: WATCHDOG_MS },
	{ name: "401", fault: { type: "status", status: 401 }, shows: ["failed unauthorized"] },
	{ name: "403", fault: { type: "status", status: 403 }, shows: ["failed forbidden"] },
	{ name: "404", fault: { type: "status", status: 404 }, shows: ["failed notFound"] },
	{
		name: "429",
		fault: { type: "status", status: 429, headers: { "retry-after": String(ASKED_MS / 1000) } },
		shows: ["waiting rateLimited"],
	},
	{ name: "500", fault: { type: "status", status: 500 }, shows: ["waiting serverError"] },
	{ name: "503", fault: { type: "status", status: 503 }, shows: ["waiting serverError"] },
	{ name: "wrong content type", fault: { type: "wrongType" }, shows: ["failed contentType"] },
	{ name: "slow (10 B/s)", fault: { type: "slow", everyMs: 100 }, shows: ["waiting timeout"] },
	{ name: "truncated", fault: { type: "truncated" }, shows: ["waiting network"] },
	{ name: "oversized", fault: { type: "oversized" }, shows: ["failed protocol"] },
];

/** The traces come all the same. */
const harmless: readonly Case[] = [
	{ name: "invalid UTF-8", fault: { type: "invalidUtf8" }, shows: ["open"] },
	{ name: "duplicate", fault: { type: "duplicate" }, shows: ["open"] },
	{ name: "reordered", fault: { type: "reordered" }, shows: ["open"] },
	{ name: "clock skew", fault: { type: "clock", offsetMs: DAY_MS }, shows: ["open"] },
];

/** What is another way with one kind of source, and why. */
const OTHERWISE: Readonly<Partial<Record<SourceType, Readonly<Record<string, readonly string[]>>>>> = {
	// Its stream is open and speaks, if slowly.
	traceway: { "slow (10 B/s)": ["open"] },
	// A frame that cannot be read ends the WebSocket; what it told of comes by reading the list.
	tracellm: { oversized: ["waiting network"] },
	// Nothing is sent a second time there: the next message may be a small one.
	cloudgrid: { oversized: ["waiting serverError"] },
};

interface Cell {
	readonly status: SourceStatus;
	/** What the status bar shows. */
	readonly indicator: Indicator;
	/** What a person reads of it. */
	readonly words: string;
	/** Milliseconds of the waits that a server asked for. */
	readonly waits: readonly number[];
	/** Requests while the fault lasted, and those of them after its state showed. */
	readonly requests: number;
	readonly requestsAfter: number;
	/** Why a trace could not be opened meanwhile; undefined if it could, by what is here already. */
	readonly refusal: unknown;
	/** Whatever was logged, announced and said. */
	readonly said: string;
}

const cells = new Map<string, Promise<Cell>>();

/** Brings a source up, the fault over it, and the fault away again; rejects when it does not show what it should. */
async function tryFault(fixture: SourceFixture, { name, fault, shows, watchdogMs }: Case): Promise<Cell> {
	const peer = await fixture.start();
	await peer.setToken?.(TOKEN);
	const proxy = await FaultProxy.start(() => peer.url);
	const { source, lines, told } = await makeSource(fixture, proxy.url, {
		minBackoffMs: 50,
		random: () => 1,
		watchdogMs,
		getToken: async () => TOKEN,
	});
	try {
		const before = await peer.addTrace({ name: `${MARKER} before` });
		const growing = await (peer.openTrace?.({ name: "growing" }) ?? peer.addTrace({ name: "growing" }));
		source.connect();
		await loaded(source);
		await agree(source, peer);
		source.store.pin(growing.traceId);

		if (fault.type === "clock") peer.setClock?.(fault.offsetMs);
		await proxy.set(fault);
		if (fault.type !== "stalled") proxy.cut();
		const asked = proxy.requests.length;
		const waits: number[] = [];
		let hasLeft = false;
		const listener = source.onDidChangeStatus(({ state }) => {
			if (state.name !== "open") hasLeft = true;
			if (state.name === "waiting" && state.reason === "rateLimited") waits.push(state.retryAtMs - Date.now());
		});
		await peer.addTrace({ name: `${MARKER} meanwhile` });
		for (let span = 0; span < 4; span++) await peer.addSpan?.(growing.traceId);
		const wanted = OTHERWISE[fixture.type]?.[name] ?? shows;
		const isHarmless = harmless.some((one) => one.name === name);
		await until(() => {
			expect(wanted).toContain(outcomeOf(source.status));
			// A stream that was cut is not open any more: whoever shows it for a fault has opened it anew.
			expect(hasLeft || isHarmless).toBe(true);
		});
		const { status } = source;
		// A moment later, when silence has been noticed everywhere.
		const indicator = indicatorOf(status, Date.now() + WATCHED_MS, 0);
		const words = wordsOf(status);
		const askedThen = proxy.requests.length;
		if (isHarmless) await agree(source, peer, readable);
		else await new Promise((resolve) => setTimeout(resolve, WATCHED_MS));
		const requestsAfter = proxy.requests.length - askedThen;
		const requests = proxy.requests.length - asked;
		const refusal = await source.loadTrace(before.traceId, never).then(
			() => undefined,
			(error: unknown) => error,
		);
		listener.dispose();

		await proxy.set(undefined);
		proxy.cut();
		if (source.status.state.name === "failed") source.reconnect();
		await loaded(source);
		await agree(source, peer, readable);
		await peer.addTrace({ name: "after" });
		await agree(source, peer, readable);
		await until(() => expect(source.status.requestError).toBeUndefined());
		const said = JSON.stringify([lines, told, words, String(refusal)]);
		return { status, indicator, words, waits, requests, requestsAfter, refusal, said };
	} finally {
		source.dispose();
		await proxy.dispose();
		await peer.close();
	}
}

/** Names that came in bytes of nonsense stay as they came until their trace is read again. */
function readable(name: string): string {
	return name.replaceAll("\uFFFD".repeat(Buffer.from(MARKER).length), MARKER);
}

function outcomeOf({ state }: SourceStatus): string {
	return "reason" in state ? `${state.name} ${state.reason}` : state.name;
}

/** The tooltip's first lines. */
function wordsOf(status: SourceStatus): string {
	const nowMs = Date.now();
	const text = connectionText(status, indicatorOf(status, nowMs, nowMs), nowMs, plain);
	return status.state.name === "waiting" ? `${text} (${status.state.message})` : text;
}

const SIGNS: Readonly<Record<Indicator, string>> = { live: "●", connecting: "◐", disconnected: "○" };

/** A line of the table: what most sources say, and of each the sign of its state, with words where it says something else. */
async function rowOf(one: Case): Promise<string> {
	const row = await Promise.all(SOURCES.map((fixture) => cells.get(keyOf(fixture, one))?.catch(() => undefined)));
	const words = row.map((cell) =>
		cell?.words.replace(/\. Next try in \d+ s.*| \(.*\)$/, "").replace(/^Live.*/, "Live"),
	);
	const count = (text: string | undefined) => words.filter((other) => other === text).length;
	const [most = ""] = words.filter((text) => text !== undefined).sort((a, b) => count(b) - count(a));
	const signs = row.map((cell, index) => {
		if (cell === undefined) return "failed its test";
		const sign = SIGNS[cell.indicator];
		return words[index] === most ? sign : `${sign} ${words[index]}`;
	});
	return `| ${[one.name, most, ...signs].join(" | ")} |`;
}

beforeAll(() => {
	const later = globalThis.setTimeout;
	vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms = 0, ...args: unknown[]) =>
		later(run, ms >= LONG_MS ? ms / SHORTER : ms, ...args)) as typeof setTimeout);
	const queue = [...failing, ...harmless].flatMap((one) => SOURCES.map((fixture) => ({ fixture, one })));
	const tracks: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
	const begin = (fixture: SourceFixture, one: Case, before: Promise<unknown>) => {
		const cell = before.then(() => tryFault(fixture, one));
		cells.set(keyOf(fixture, one), cell);
		// Whoever asks for the cell gets its error; the track goes on.
		return cell.catch(() => undefined);
	};
	// Floods leave the time limits of others no time.
	const isFlood = ({ one }: (typeof queue)[number]) => one.fault.type === "oversized";
	for (const [index, { fixture, one }] of queue.filter((cell) => !isFlood(cell)).entries()) {
		tracks[index % AT_ONCE] = begin(fixture, one, tracks[index % AT_ONCE]);
	}
	let last: Promise<unknown> = Promise.all(tracks);
	for (const { fixture, one } of queue.filter(isFlood)) last = begin(fixture, one, last);
});

afterAll(() => vi.restoreAllMocks());

function keyOf(fixture: SourceFixture, one: Case): string {
	return `${one.name} ${fixture.label}`;
}

describe.each(SOURCES)("a source of $label", (fixture) => {
	it.each([...failing, ...harmless])(
		"says what is wrong and what happens next, does not hammer, and recovers: $name",
		async (one) => {
			const cell = await (cells.get(keyOf(fixture, one)) as Promise<Cell>);
			const { status, words, waits, refusal } = cell;
			if (status.state.name === "waiting") expect(words).toMatch(/^[A-Z].{10,}\. Next try in \d+ s \(.{4,}\)$/);
			if (status.state.name === "failed") expect(words).toMatch(/^.{20,}$/);
			if (one.fault.type === "status") expect(words).toContain(`HTTP ${one.fault.status}`);
			if (one.fault.type === "wrongType") expect(words).toMatch(/got text\/html|HTTP 200/);
			// A person can act on each of them by the button of its notice: Set Token, or Reconnect.
			if (status.state.name === "failed") {
				expect(needsToken(status.state.reason)).toBe(one.name === "401" || one.name === "403");
			}
			if (refusal !== undefined) {
				expect(refusal).toBeInstanceOf(SourceError);
				expect(String(refusal)).toMatch(/^SourceError: .{15,}$/);
			}
			expect(cell.said).not.toContain("SECRET");
			expect(cell.said).not.toContain(Buffer.from(TOKEN).toString("base64"));

			expect(cell.requests).toBeLessThanOrEqual(MOST_REQUESTS);
			// What was under way when the first one failed may still arrive.
			if (status.state.name === "failed") expect(cell.requestsAfter).toBeLessThanOrEqual(2);
			if (one.name === "429") expect(Math.min(...waits)).toBeGreaterThan(ASKED_MS - 100);
		},
		60_000,
	);
});

it("shows what the table in ARCHITECTURE.md says", async () => {
	const head = ["Fault", "Says", ...SOURCES.map(({ label }) => label)];
	const rows = await Promise.all([...failing, ...harmless].map(rowOf));
	const table = [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows];
	mkdirSync(OUTPUT, { recursive: true });
	writeFileSync(join(OUTPUT, "fault-matrix.md"), `${table.join("\n")}\n`);
	const architecture = readFileSync(join(import.meta.dirname, "../../ARCHITECTURE.md"), "utf8");
	// After a change on purpose: copy the new one from test/.output/fault-matrix.md.
	expect(table.filter((line) => !architecture.includes(line))).toEqual([]);
}, 60_000);
