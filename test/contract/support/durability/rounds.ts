import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { SeededRandom } from "../../../../src/cli/seededRandom.ts";
import { parseListeningLine } from "../../../../src/protocol/serverInfo.ts";
import { Process } from "../cli.ts";
import { Audit } from "./audit.ts";
import { Ledger } from "./ledger.ts";
import { Watcher } from "./watcher.ts";
import { OtlpWriter, Repeater, RestWriter, type Target, type WriterOptions } from "./writers.ts";

export interface RoundsOptions {
	readonly cliPath: string;
	/** Empty or missing; the server's data are in it below `data`. */
	readonly directory: string;
	readonly rounds: number;
	/** Decides what is sent and when it ends; the machine decides how far it gets. */
	readonly seed: number;
	/** Longest time of load before the kill, milliseconds. Default 1200. */
	readonly maxLoadMs?: number | undefined;
	/** Called with the data directory while no server runs, after each kill. */
	readonly afterKill?: ((dataDir: string) => void) | undefined;
	readonly log: (line: string) => void;
}

export interface RoundsSummary {
	readonly acknowledged: number;
	readonly unanswered: number;
	readonly events: number;
	readonly spansLeft: number;
	/** Empty is what is promised. At most `MAX_PROBLEMS`, with their round. */
	readonly problems: readonly string[];
	readonly problemCount: number;
}

const REST_WRITERS = 8;
const OTLP_WRITERS = 3;
const MIN_LOAD_MS = 30;
/** Writes before a kill. */
const MIN_ACKNOWLEDGED = 50;
const MAX_PROBLEMS = 30;
/** Every so many rounds the whole log is read again, and at the end. */
const WHOLE_LOG_EVERY = 10;
/**
 * Spans from which a round begins by deleting everything: of more than 20,000 the server would empty its log with them, which
 * is the witness here. What it says then is tested in `serverEvents.test.ts`.
 */
const MAX_LIVE_SPANS = 8000;
/** Share of rounds in which the server is killed once more while it starts. */
const KILLED_AT_START = 0.2;

/**
 * Starts a server, loads it from many connections, kills it with SIGKILL at a random moment, starts it again on the same data
 * and compares; as often as asked. The server is the real command line in a process of its own.
 */
export async function runRounds(options: RoundsOptions): Promise<RoundsSummary> {
	const { rounds, seed, log } = options;
	const random = new SeededRandom(seed);
	const ledger = new Ledger();
	const problems: string[] = [];
	let problemCount = 0;
	let unanswered = 0;
	let round = 0;
	const report = (problem: string) => {
		problemCount++;
		if (problems.length < MAX_PROBLEMS) problems.push(`round ${round}: ${problem}`);
	};
	const audit = new Audit(ledger, report);
	const dataDir = join(options.directory, "data");
	let writers: readonly RestWriter[] = [];
	let server = await startServer(options.cliPath, dataDir);
	try {
		for (round = 1; round <= rounds; round++) {
			const writerOptions = (name: string): WriterOptions => ({
				name: `r${round}-${name}`,
				target: server.target,
				ledger,
				random: new SeededRandom(random.integer(0, 2 ** 31)),
				report,
			});
			await repeat(ledger, writerOptions("again"), audit.liveSpanCount > MAX_LIVE_SPANS);
			const watchers = watch(server.target.url, audit, report);
			writers = Array.from(
				{ length: REST_WRITERS },
				(_, index) => new RestWriter(writerOptions(`${index}`), writers[index]),
			);
			const otlpWriters = Array.from(
				{ length: OTLP_WRITERS },
				(_, index) => new OtlpWriter(writerOptions(`o${index}`)),
			);
			const before = ledger.acknowledged;
			const running = [...writers, ...otlpWriters].map((writer) => writer.run());
			const loadMs = random.integer(MIN_LOAD_MS, options.maxLoadMs ?? 1200);
			await delay(loadMs);
			// A busy machine may have got nowhere yet.
			while (ledger.acknowledged - before < MIN_ACKNOWLEDGED) await delay(5);
			await server.kill();
			await Promise.all(running);
			await Promise.all(watchers.map((watcher) => watcher.ended));
			unanswered += ledger.unanswered.length;
			checkIntegrity(dataDir, join(options.directory, "copy"), report);
			options.afterKill?.(dataDir);
			if (random.isTrue(KILLED_AT_START)) await killAtStart(options.cliPath, dataDir, random.integer(0, 250));
			server = await startServer(options.cliPath, dataDir);
			await audit.check(server.target.url);
			if (round % WHOLE_LOG_EVERY === 0 || round === rounds) await audit.checkWholeLog(server.target.url);
			log(
				`round ${round}: killed after ${loadMs} ms, ${ledger.acknowledged - before} writes acknowledged, ` +
					`${ledger.unanswered.length} open, ${audit.eventCount} events, ${audit.liveSpanCount} spans, ` +
					`${problemCount} problems`,
			);
		}
	} finally {
		await server.kill();
	}
	return {
		acknowledged: ledger.acknowledged,
		unanswered,
		events: audit.eventCount,
		spansLeft: audit.liveSpanCount,
		problems,
		problemCount,
	};
}

interface ServerProcess {
	readonly target: Target;
	kill(): Promise<void>;
}

function spawnServer(cliPath: string, dataDir: string): Process {
	const args = [cliPath, "serve", "--port", "0", "--otlp-port", "0", "--json", "--data-dir", dataDir];
	return new Process(process.execPath, args, { PATH: process.env.PATH, HOME: dataDir });
}

async function startServer(cliPath: string, dataDir: string): Promise<ServerProcess> {
	const child = spawnServer(cliPath, dataDir);
	await child.until(() => child.lines.length > 0);
	const line = parseListeningLine(child.lines[0]!);
	if (line === undefined) throw new Error(`the server did not say where it listens: ${child.stdout}`);
	return {
		target: line,
		async kill() {
			child.child.kill("SIGKILL");
			await child.ended;
		},
	};
}

/** A second power cut while the log of the database is being read back. */
async function killAtStart(cliPath: string, dataDir: string, afterMs: number): Promise<void> {
	const child = spawnServer(cliPath, dataDir);
	await delay(afterMs);
	child.child.kill("SIGKILL");
	await child.ended;
}

/** Sends what got no answer once more, and `isClearing` then deletes everything. */
async function repeat(ledger: Ledger, options: WriterOptions, isClearing: boolean): Promise<void> {
	const open = ledger.unanswered;
	ledger.unanswered = [];
	const repeater = new Repeater(options);
	// Deleting everything once more would be another deletion.
	for (const write of open) if (write.type !== "clear") await repeater.perform(write);
	if (isClearing) await repeater.perform({ type: "clear" });
	repeater.close();
}

/** Streams beside the load: one from where the log ends, one from its beginning. */
function watch(url: string, audit: Audit, report: (problem: string) => void): readonly Watcher[] {
	return ["", `?since=${Math.max(0, audit.eventCount - 500)}`].map((query) => {
		let last = 0;
		return new Watcher(`${url}/api/events${query}`, (event) => {
			if (!(event.id > last)) report(`a stream has event ${event.id} behind event ${last}`);
			last = event.id;
			audit.didSee(event);
		});
	});
}

/** Looks at a copy, so that the next server finds the files as the killed one left them. */
function checkIntegrity(dataDir: string, copyDir: string, report: (problem: string) => void): void {
	rmSync(copyDir, { recursive: true, force: true });
	mkdirSync(copyDir, { recursive: true });
	for (const name of ["traces.db", "traces.db-wal"]) {
		if (existsSync(join(dataDir, name))) copyFileSync(join(dataDir, name), join(copyDir, name));
	}
	const database = new DatabaseSync(join(copyDir, "traces.db"));
	try {
		const rows = database.prepare("PRAGMA integrity_check").all();
		const text = rows.map((row) => row.integrity_check).join("; ");
		if (text !== "ok") report(`the database is damaged: ${text.slice(0, 300)}`);
	} finally {
		database.close();
		rmSync(copyDir, { recursive: true, force: true });
	}
}
