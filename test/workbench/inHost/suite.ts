import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { CommandId } from "../../../src/ui/ids.ts";
import { SETTING_DEFAULTS } from "../../../src/ui/settings.ts";

/**
 * Tests that run inside the extension host, with `vscode` itself. The host calls `run`; a rejection is a failure. The same
 * bundle serves VS Code in the browser and on the desktop.
 */

const EXTENSION_ID = "traceway-live.traceway-live";

function extension(): vscode.Extension<unknown> {
	const found = vscode.extensions.getExtension(EXTENSION_ID);
	assert.ok(found, `${EXTENSION_ID} is not installed`);
	return found;
}

/** The mini-server's record, if there is one. */
async function serverRecord(storage: string): Promise<{ pid: number; url: string } | undefined> {
	const text = await readFile(join(storage, "mini-server", "server.json"), "utf8").catch(() => undefined);
	return text === undefined ? undefined : JSON.parse(text);
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
	const deadline = Date.now() + 30_000;
	for (;;) {
		const found = await look();
		if (found !== undefined) return found;
		if (Date.now() > deadline) throw new Error(`did not happen within 30 s: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

const tests: Readonly<Record<string, () => Promise<void>>> = {
	"is not active before it is asked for": async () => {
		assert.equal(extension().isActive, false);
	},

	"activates by itself and registers every command of the manifest": async () => {
		await extension().activate();
		const registered = new Set(await vscode.commands.getCommands(true));
		assert.deepEqual(
			Object.values(CommandId).filter((id) => !registered.has(id)),
			[],
		);
	},

	"has the defaults of the code for its settings": async () => {
		const configuration = vscode.workspace.getConfiguration("traceway");
		for (const [name, value] of Object.entries(SETTING_DEFAULTS)) {
			assert.deepEqual(configuration.inspect(name)?.defaultValue, value, name);
		}
	},

	"starts no mini-server by being activated": async () => {
		assert.equal(await serverRecord(storageDir()), undefined);
	},

	"copies the address of a server that answers": async () => {
		await vscode.commands.executeCommand(CommandId.serverStart);
		const record = await until("the mini-server has written its record", () => serverRecord(storageDir()));
		const answer = await fetch(`${record.url}/api/health`);
		assert.equal(answer.status, 200);
		assert.match(record.url, /^http:\/\/127\.0\.0\.1:\d+$/);
	},

	"opens a part of a span as a document with its own language": async () => {
		const record = await until("the mini-server has written its record", () => serverRecord(storageDir()));
		const span = await postSpan(record.url);
		const query = JSON.stringify({ sourceId: "local", traceId: span.trace_id, spanId: span.id, part: "input" });
		const uri = vscode.Uri.from({ scheme: "traceway", path: "/ask input.json", query });
		const document = await vscode.workspace.openTextDocument(uri);
		assert.deepEqual(JSON.parse(document.getText()), { question: "why?" });
		assert.equal(document.languageId, "json");
	},

	"stops the mini-server": async () => {
		await vscode.commands.executeCommand(CommandId.serverStop);
		await until("the record of the mini-server is gone", async () =>
			(await serverRecord(storageDir())) === undefined ? true : undefined,
		);
	},
};

/** Folder that VS Code gives to the extension for all workspaces; its host passes the profile's folder on. */
function storageDir(): string {
	const storage = process.env.TRACEWAY_TEST_STORAGE;
	assert.ok(storage, "TRACEWAY_TEST_STORAGE names the extension's global storage");
	return storage;
}

async function postSpan(url: string): Promise<{ id: string; trace_id: string }> {
	const post = async (path: string, body: object) => {
		const answer = await fetch(`${url}/api/${path}`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(body),
		});
		assert.equal(answer.status, 201, path);
		return answer.json();
	};
	const trace = await post("traces", { name: "in the host" });
	return await post("spans", { trace_id: trace.id, name: "ask", input: { question: "why?" } });
}

export async function run(): Promise<void> {
	let failed = 0;
	for (const [title, test] of Object.entries(tests)) {
		try {
			await test();
			console.log(`ok - ${title}`);
		} catch (error) {
			failed++;
			console.error(`not ok - ${title}\n${error instanceof Error ? error.stack : String(error)}`);
		}
	}
	if (failed > 0) throw new Error(`${failed} of ${Object.keys(tests).length} tests in the extension host failed`);
	console.log(`all ${Object.keys(tests).length} tests in the extension host passed`);
}
