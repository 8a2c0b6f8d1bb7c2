import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseServerInfo, SERVER_INFO_FILE, type ServerInfo } from "../../src/protocol/serverInfo.ts";
import { claimDataDir, OwnerError } from "../../src/server/owner.ts";

const ownerModule = new URL("../../src/server/owner.ts", import.meta.url).href;

let parent: string;
let dataDir: string;
const children = new Set<ChildProcess>();

beforeEach(() => {
	parent = mkdtempSync(join(tmpdir(), "traceway-owner-"));
	dataDir = join(parent, "data");
});

afterEach(() => {
	for (const child of children) child.kill("SIGKILL");
	children.clear();
	rmSync(parent, { recursive: true, force: true });
});

const info: ServerInfo = {
	pid: process.pid,
	url: "http://127.0.0.1:3000",
	otlpUrl: "http://127.0.0.1:4318",
	version: "1.2.3",
	instanceId: "01J0000000",
	startedAt: "2026-03-06T09:00:00.000Z",
	endsWhenIdle: false,
};

/** A process of its own that claims the directory, says "held" or the reason why not, and stays until it is killed. */
async function claimElsewhere(): Promise<{ child: ChildProcess; said: string }> {
	const script = `
		import { claimDataDir } from ${JSON.stringify(ownerModule)};
		try {
			claimDataDir(${JSON.stringify(dataDir)});
			process.stdout.write("held");
			setInterval(() => {}, 60000);
		} catch (error) {
			process.stdout.write(error.reason ?? String(error));
		}`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
	children.add(child);
	const [said] = (await once(child.stdout!, "data")) as [Buffer];
	return { child, said: said.toString() };
}

async function endOf(child: ChildProcess): Promise<void> {
	if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function reasonOf(run: () => unknown): OwnerError {
	try {
		run();
	} catch (error) {
		expect(error).toBeInstanceOf(OwnerError);
		return error as OwnerError;
	}
	throw new Error("it was not refused");
}

describe("the owner of a data directory", () => {
	it("is one process at a time, and the next one after its release", () => {
		const owner = claimDataDir(dataDir);
		expect(reasonOf(() => claimDataDir(dataDir)).reason).toBe("alreadyOwned");
		owner.release();
		claimDataDir(dataDir).release();
	});

	it("keeps other processes out, and is named to them", async () => {
		const owner = claimDataDir(dataDir);
		owner.publish(info);
		expect((await claimElsewhere()).said).toBe("alreadyOwned");
		const refusal = reasonOf(() => claimDataDir(dataDir));
		expect(refusal.owner).toEqual(info);
		expect(refusal.message).toContain(`process ${process.pid} at http://127.0.0.1:3000`);
		owner.release();
	});

	it("loses it by kill -9, so that the next one gets in at once", async () => {
		const { child, said } = await claimElsewhere();
		expect(said).toBe("held");
		expect(reasonOf(() => claimDataDir(dataDir)).reason).toBe("alreadyOwned");
		child.kill("SIGKILL");
		await endOf(child);
		claimDataDir(dataDir).release();
	});

	it("is exactly one of several processes that start in the same moment", async () => {
		const claims = await Promise.all(Array.from({ length: 6 }, () => claimElsewhere()));
		expect(claims.map(({ said }) => said).sort()).toEqual([...Array.from({ length: 5 }, () => "alreadyOwned"), "held"]);
	});

	it("publishes a whole record that only its user can read, and removes it in the end", () => {
		const owner = claimDataDir(dataDir);
		const file = join(dataDir, SERVER_INFO_FILE);
		owner.publish(info);
		expect(parseServerInfo(readFileSync(file, "utf8"))).toEqual(info);
		if (process.platform !== "win32") {
			expect(statSync(file).mode & 0o777).toBe(0o600);
			expect(statSync(dataDir).mode & 0o777).toBe(0o700);
		}
		owner.release();
		expect(existsSync(file)).toBe(false);
		owner.release();
	});

	it("removes the record that a killed owner left behind, but touches nothing while another one is there", () => {
		mkdirSync(dataDir);
		const file = join(dataDir, SERVER_INFO_FILE);
		writeFileSync(file, "left over");
		const owner = claimDataDir(dataDir);
		expect(existsSync(file)).toBe(false);
		owner.publish(info);
		expect(reasonOf(() => claimDataDir(dataDir)).reason).toBe("alreadyOwned");
		expect(existsSync(file)).toBe(true);
		owner.release();
	});

	it("says which directory cannot be used and why", () => {
		writeFileSync(dataDir, "a file where the directory should be");
		const refusal = reasonOf(() => claimDataDir(dataDir));
		expect(refusal.reason).toBe("unusable");
		expect(refusal.message).toContain(dataDir);
		rmSync(dataDir);
		mkdirSync(dataDir);
		writeFileSync(join(dataDir, "owner.db"), "this is no SQLite database, it is some other file of someone".repeat(20));
		expect(reasonOf(() => claimDataDir(dataDir)).reason).toBe("unusable");
	});
});

describe("the record of a server", () => {
	it("is read only when it is whole", () => {
		expect(parseServerInfo(JSON.stringify(info))).toEqual(info);
		for (const text of ["", "{", "null", "[]", '"x"', "\0\0\0", JSON.stringify(info).slice(0, 40)]) {
			expect(parseServerInfo(text)).toBeUndefined();
		}
		for (const [key, value] of Object.entries({
			pid: "1",
			url: "file:///etc/passwd",
			otlpUrl: "http://127.0.0.1:1/path",
			instanceId: "",
			version: 1,
			startedAt: null,
		})) {
			expect(parseServerInfo(JSON.stringify({ ...info, [key]: value })), key).toBeUndefined();
		}
	});
});
