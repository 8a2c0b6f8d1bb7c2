import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	appendFileSync,
	chmodSync,
	chownSync,
	copyFileSync,
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/cli/seededRandom.ts";
import { type ListeningLine, parseListeningLine } from "../../src/protocol/serverInfo.ts";
import { buildCli, type CliBundle, Process } from "./support/cli.ts";
import { Stream } from "./support/frames.ts";
import { type Answer, client, send, start, temporaryDir } from "./support/testServer.ts";

let bundle: CliBundle;
let parent: string;
let dataDir: string;
/** The database in `dataDir`. */
let file: string;

beforeAll(async () => {
	bundle = await buildCli();
	// Some of these run as another user.
	chmodSync(dirname(dirname(bundle.cliPath)), 0o755);
});

afterAll(() => bundle.dispose());

beforeEach(() => {
	parent = mkdtempSync(join(tmpdir(), "traceway-faults-"));
	chmodSync(parent, 0o755);
	dataDir = join(parent, "data");
	file = join(dataDir, "traces.db");
	mkdirSync(dataDir);
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** Begins a program with the arguments of a server on free ports behind its own. */
function run(command: readonly string[], directory = dataDir): Process {
	const serve = [process.execPath, bundle.cliPath, "serve", "--port=0", "--otlp-port=0", "--json"];
	const [program, ...args] = [...command, ...serve, "--data-dir", directory];
	const env = { PATH: process.env.PATH, HOME: parent };
	const process_ = new Process(program!, args, env);
	onTestFinished(async () => {
		process_.child.kill("SIGKILL");
		await process_.ended;
	});
	return process_;
}

async function listening(process_: Process): Promise<ListeningLine> {
	await process_.until(() => process_.lines.length > 0);
	return parseListeningLine(process_.lines[0]!)!;
}

/** A directory with a database of ours that holds something, as a clean end leaves it. */
async function makeData(): Promise<void> {
	const server = await start({ dataDir });
	const { span } = client(server);
	for (let trace = 0; trace < 20; trace++) {
		await Promise.all(Array.from({ length: 10 }, () => span({ trace_id: `t${trace}`, input: "x".repeat(2000) })));
	}
	await server.close();
}

/** Kind, mode and contents of every file, apart from the lock that every claim of a directory makes. */
function stateOf(directory: string): Record<string, string> {
	const state: Record<string, string> = {};
	for (const name of readdirSync(directory).sort()) {
		if (name.startsWith("owner.db")) continue;
		const path = join(directory, name);
		const isFile = lstatSync(path).isFile();
		const contents = isFile ? createHash("sha256").update(readFileSync(path)).digest("hex") : "directory";
		state[name] = `${lstatSync(path).mode.toString(8)} ${contents}`;
	}
	return state;
}

/** The server ends with code 1 and one line on standard error, and changes nothing. Returns the line. */
async function refusal(command: readonly string[] = []): Promise<string> {
	const before = stateOf(dataDir);
	const process_ = run(command);
	expect([await process_.ended, process_.stderr]).toEqual([1, expect.stringMatching(/^traceway-live: [^\n]+\n$/)]);
	expect(process_.stdout).toBe("");
	expect(stateOf(dataDir)).toEqual(before);
	return process_.stderr;
}

/** Overwrites bytes of the file. */
function damage(at: number, bytes: Uint8Array): void {
	const contents = readFileSync(file);
	contents.set(bytes, at);
	writeFileSync(file, contents);
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
	return Uint8Array.from({ length }, () => random.integer(0, 255));
}

function sqlite(path: string, sql: string): void {
	const database = new DatabaseSync(path);
	database.exec(sql);
	database.close();
}

describe("serve, on a database that it cannot use", () => {
	const random = new SeededRandom(1);

	it.each<[what: string, make: () => void | Promise<void>, says: RegExp]>([
		["a text", () => writeFileSync(file, "no database ".repeat(1000)), /is no SQLite database; move it away/],
		["random bytes", () => writeFileSync(file, randomBytes(random, 20_000)), /is no SQLite database; move it away/],
		["the beginning of a header", () => writeFileSync(file, "SQLite format 3\0abc"), /ends within its header; move/],
		["a directory", () => mkdirSync(file), /is no file; choose another data directory or move it away/],
		[
			"half of a database",
			async () => {
				await makeData();
				truncateSync(file, Math.floor(statSync(file).size / 2));
			},
			/is damaged: \d+ of its \d+ bytes are there; move it away/,
		],
		[
			"a damaged list of tables",
			async () => {
				await makeData();
				damage(100, randomBytes(random, 3996));
			},
			/is damaged; move it away/,
		],
		["another program's tables", () => sqlite(file, "CREATE TABLE a (a)"), /belongs to another program; choose/],
		[
			"another program's database with a log that is not yet in it",
			() => {
				const original = join(parent, "original.db");
				const database = new DatabaseSync(original);
				database.exec("PRAGMA journal_mode = WAL; CREATE TABLE notes (a); INSERT INTO notes VALUES (1)");
				for (const suffix of ["", "-wal"]) copyFileSync(original + suffix, file + suffix);
				database.close();
			},
			/belongs to another program; choose/,
		],
		[
			"another program's mark",
			() => sqlite(file, "PRAGMA application_id = 7; CREATE TABLE a (a)"),
			/belongs to another program; choose/,
		],
		[
			"a newer schema",
			() => sqlite(file, `PRAGMA application_id = ${0x54574c56}; PRAGMA user_version = 999; CREATE TABLE a (a)`),
			/another version of Traceway Live \(schema 999, this one reads \d+\); update Traceway Live or choose/,
		],
	])("says so of %s in one line, and leaves it as it is", async (_, make, says) => {
		await make();
		if (!statSync(file).isDirectory()) chmodSync(file, 0o644);
		const line = await refusal();
		expect(line).toContain(file);
		expect(line).toMatch(says);
	});

	it("says so of a lock that is no lock", async () => {
		writeFileSync(join(dataDir, "owner.db"), "this is no database, ".repeat(100));
		expect(await refusal()).toContain(`${join(dataDir, "owner.db")} is no SQLite database; move it away`);
	});

	it("refuses a second owner with code 3 and changes none of the first one's files", async () => {
		const { url } = await listening(run([]));
		expect((await send("POST", `${url}/api/spans`, { trace_id: "t", name: "n" })).status).toBe(201);
		const before = stateOf(dataDir);
		const second = run([]);
		expect(await second.ended).toBe(3);
		expect(second.stderr).toMatch(/^traceway-live: another server is already using [^\n]+ at http[^\n]+\n$/);
		expect(stateOf(dataDir)).toEqual(before);
		expect((await send("GET", `${url}/api/stats`)).json.span_count).toBe(1);
	});

	it("starts or refuses, and answers JSON, whatever bytes of the file are wrong", async () => {
		await makeData();
		const holes = new SeededRandom(7);
		const whole = readFileSync(file);
		const outcomes = { refused: 0, started: 0 };
		for (let variant = 0; variant < 8; variant++) {
			writeFileSync(file, whole);
			for (let hole = 0; hole < 1 + variant * 3; hole++) {
				const length = holes.integer(1, 300);
				damage(holes.integer(0, whole.length - length), randomBytes(holes, length));
			}
			const process_ = run([]);
			const isUp = await process_
				.until(() => process_.lines.length > 0)
				.then(
					() => true,
					() => false,
				);
			if (!isUp) {
				expect([await process_.ended, process_.stderr]).toEqual([
					1,
					expect.stringMatching(/^traceway-live: [^\n]+traces\.db is [^\n]+; move it away[^\n]+\n$/),
				]);
				outcomes.refused++;
				continue;
			}
			const { url } = await listening(process_);
			const paths = [
				"/api/traces",
				"/api/spans?limit=1000",
				"/api/traces/t1",
				"/api/spans?text_contains=y",
				"/api/stats",
			];
			for (const path of paths) expectJson(await send("GET", url + path), [200, 404, 507]);
			expectJson(await send("POST", `${url}/api/spans`, { trace_id: "t1", name: "n", input: 1 }), [201, 507]);
			process_.child.kill("SIGTERM");
			expect(await process_.ended).toBe(0);
			outcomes.started++;
		}
		expect(outcomes.refused + outcomes.started).toBe(8);
		expect(outcomes.started).toBeGreaterThan(0);
	}, 60_000);
});

function expectJson(answer: Answer, statuses: readonly number[]): void {
	expect(statuses).toContain(answer.status);
	expect(answer.headers["content-type"]).toBe("application/json");
	// A payload may hold any bytes now; an error is the server's own.
	if (answer.status >= 400) expect(answer.json).toMatchObject({ error: expect.any(String), code: expect.any(String) });
}

/** Runs a program as a user who may not write what others own; undefined where that cannot be arranged. */
function asNobody(): readonly string[] | undefined {
	if (process.getuid?.() !== 0) return [];
	const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
	const [program, ...args] = [...command, process.execPath, "--version"];
	return spawnSync(program!, args).status === 0 ? command : undefined;
}

const nobody = process.platform === "win32" ? undefined : asNobody();

describe.skipIf(nobody === undefined)("serve, without the right to write (needs setpriv when run as root)", () => {
	it("says so of a directory, with code 1, and changes nothing", async () => {
		chmodSync(dataDir, 0o555);
		expect(await refusal(nobody)).toMatch(/data\/owner\.db cannot be written by this user; mend its permissions/);
		expect(readdirSync(dataDir)).toEqual([]);
		dataDir = join(dataDir, "below");
		const process_ = run(nobody!);
		expect(await process_.ended).toBe(1);
		expect(process_.stderr).toMatch(/^traceway-live: [^\n]+data\/below cannot be written by this user; mend [^\n]+\n$/);
	});

	it("says so of the database in a directory that can be written", async () => {
		await makeData();
		const uid = process.getuid!() === 0 ? 65_534 : process.getuid!();
		chownSync(dataDir, uid, uid);
		for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), name === "traces.db" ? 0o444 : 0o666);
		expect(await refusal(nobody)).toMatch(/traces\.db cannot be written by this user; mend its permissions/);
	});
});

/** A command that runs the rest of its arguments with a small disk of its own at `directory`, or undefined. */
function smallDisk(directory: string, options: string, prepare = ":"): readonly string[] {
	const script = `mount -t tmpfs -o ${options} none "$0" && { ${prepare}; } && exec "$@"`;
	return [...NAMESPACE, "sh", "-c", script, directory];
}

/** Only Linux has such disks; root or namespaces of users are needed to mount one. */
const NAMESPACE = ["unshare", process.getuid?.() === 0 ? "-m" : "-Urm"];
const hasSmallDisks =
	process.platform === "linux" &&
	spawnSync(NAMESPACE[0]!, [...NAMESPACE.slice(1), "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

describe.skipIf(!hasSmallDisks)("serve, on a full disk (needs Linux with unshare and mount)", () => {
	it("says so when there is no room to begin", async () => {
		const process_ = run(smallDisk(dataDir, "size=64k", 'head -c 60000 /dev/zero > "$0/ballast"'));
		expect(await process_.ended).toBe(1);
		expect(process_.stderr).toMatch(/^traceway-live: \S+traces\.db cannot grow: the disk is full; make room on it\n$/);
	});

	it("says so and ends when only its address cannot be published", async () => {
		// Room for the directory, owner.db, traces.db, the two files beside it, and no more.
		const process_ = run(smallDisk(dataDir, "nr_inodes=6"));
		expect(await process_.ended).toBe(1);
		expect(process_.stderr).toMatch(/traceway-live: \S+server\.json cannot grow: the disk is full; make room on it\n$/);
		expect(process_.stdout).toBe("");
	});

	it("answers 507 with what to do, loses nothing, and goes on when there is room again", async () => {
		const process_ = run(smallDisk(dataDir, "size=6m", 'head -c 3000000 /dev/zero > "$0/ballast"'));
		const { url } = await listening(process_);
		const kept = new Set<string>();
		const write = async () => {
			const kind = { type: "llm_call", model: "m", input_tokens: 2, output_tokens: 1 };
			const body = { trace_id: "t", session_id: "s", name: "n", kind, input: "x".repeat(20_000) };
			const answer = await send("POST", `${url}/api/spans`, body);
			if (answer.status === 201) kept.add(answer.json.id);
			return answer;
		};
		let full: Answer | undefined;
		while (full === undefined) {
			const answers = await Promise.all(Array.from({ length: 8 }, write));
			full = answers.find(({ status }) => status !== 201);
		}
		expect([full.status, full.json.code]).toEqual([507, "storage_failed"]);
		expect(full.json.error).toMatch(/disk .* is full; nothing of this request was kept: make room/);
		expect(kept.size).toBeGreaterThan(10);
		const listed = async () => {
			const { json } = await send("GET", `${url}/api/spans?limit=1000&fields=skeleton`);
			return json.items.map(({ id }: { readonly id: string }) => id);
		};
		expect(new Set(await listed())).toEqual(kept);
		// Not a byte is left, also for indexes and sums. What the process sees at its own place (proc(5), "root").
		const ballast = join(`/proc/${process_.child.pid}/root`, dataDir, "ballast");
		for (const bytes of [65_536, 4096, 1]) {
			expect(() => {
				for (;;) appendFileSync(ballast, Buffer.alloc(bytes));
			}).toThrow("ENOSPC");
		}
		// What was kept can be read in every way, also what is derived from it and can be written nowhere.
		const read = async (path: string) => {
			const { status, json } = await send("GET", `${url}/api${path}`);
			expect([path, status]).toEqual([path, 200]);
			return json;
		};
		const idsOf = (spans: readonly { readonly id: string }[]) => new Set(spans.map(({ id }) => id));
		for (let again = 0; again < 2; again++) {
			const totalTokens = kept.size * 3;
			expect((await read("/traces")).items[0]).toMatchObject({ span_count: kept.size, total_tokens: totalTokens });
			expect(idsOf((await read("/traces/t")).spans)).toEqual(kept);
			expect(idsOf((await read("/spans?trace_id=t&limit=1000")).items)).toEqual(kept);
			expect((await read("/sessions")).items[0]).toMatchObject({ id: "s", total_tokens: totalTokens });
			expect(await read("/analytics/summary")).toMatchObject({ total_tokens: totalTokens });
			expect(idsOf((await read("/export/json")).traces.t)).toEqual(kept);
			expect(idsOf((await read("/export/json?trace_id=t")).traces.t)).toEqual(kept);
		}

		rmSync(ballast);
		expect((await write()).status).toBe(201);
		expect((await send("DELETE", `${url}/api/spans/${[...kept][0]}`)).status).toBe(200);
		kept.delete([...kept][0]!);
		expect(new Set(await listed())).toEqual(kept);
		const copy = temporaryDir();
		for (const name of ["traces.db", "traces.db-wal"]) {
			copyFileSync(join(`/proc/${process_.child.pid}/root`, dataDir, name), join(copy, name));
		}
		const database = new DatabaseSync(join(copy, "traces.db"));
		expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
		database.close();
		process_.child.kill("SIGTERM");
		expect(await process_.ended).toBe(0);
	});
});

describe("a database that may not grow", () => {
	it("has writes refused with 507, keeps answering, and takes writes again when it may", async () => {
		let limit = (_pages: number) => {};
		const server = await start({
			dataDir,
			extraRoutes: (_, { store }) => {
				limit = (pages) => void store.database.exec(`PRAGMA max_page_count = ${pages}`);
			},
		});
		const { get, post, span } = client(server);
		const id = await span({ trace_id: "t", input: "before" });
		limit(1);
		const answers = await Promise.all(
			Array.from({ length: 20 }, () => post("/spans", { trace_id: "t", name: "n", input: "x".repeat(50_000) })),
		);
		for (const { status, json } of answers) expect([status, json.code]).toEqual([507, "storage_failed"]);
		expect((await get(`/spans/${id}`)).json.input).toBe("before");
		expect((await get("/stats")).json.span_count).toBe(1);
		limit(1_000_000);
		await span({ trace_id: "t", input: "x".repeat(50_000) });
		expect((await get("/traces/t")).json.count).toBe(2);
		await server.close();
		expect(existsSync(`${file}-wal`)).toBe(false);
	});
});

describe("a log that cannot be synced to the disk (needs a system that deletes open files)", () => {
	it.skipIf(process.platform === "win32")(
		"has its writes refused, not told before later ones, and told to everybody with the next that can",
		async () => {
			const server = await start({ dataDir });
			const { get, post, span } = client(server);
			const live = await new Stream(`${server.url}/api/events`).open();
			// The sync opens the log by its name, SQLite has it open.
			rmSync(`${file}-wal`);
			const refused = await post("/spans", { id: "first", trace_id: "t", name: "n" });
			expect([refused.status, refused.json.code]).toEqual([507, "storage_failed"]);
			writeFileSync(`${file}-wal`, "");
			await span({ id: "second", trace_id: "t" });
			await span({ id: "third", trace_id: "t" });
			const frames = await live.take(3);
			expect(frames.map(({ id, data }) => [id, (data as { span?: { id: string } }).span?.id])).toEqual([
				["1", "first"],
				["2", "second"],
				["3", "third"],
			]);
			// A repeated request finds what was written, and tells nothing twice.
			expect((await post("/spans", { id: "first", trace_id: "t", name: "n" })).status).toBe(201);
			expect((await get("/traces/t")).json.count).toBe(3);
		},
	);
});
