import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import * as vscode from "vscode";
import { SETTING_DEFAULTS } from "../../../src/ui/settings.ts";
import { runTests } from "./runner.ts";
import { TimerWatch } from "./timers.ts";

/** Entry that the extension host runs: what can be told only from inside, the same in a browser's host and a desktop's. */

const EXTENSION_ID = "traceway-live.traceway-live";
/** VS Code makes these for each view. */
const VIEW_COMMANDS = ["focus", "open", "toggleVisibility", "removeView", "resetViewLocation"];

interface Manifest {
	readonly contributes: {
		readonly commands: readonly { readonly command: string }[];
		readonly views: Readonly<Record<string, readonly { readonly id: string }[]>>;
		readonly configuration: readonly {
			readonly properties: Readonly<Record<string, { readonly default: unknown }>>;
		}[];
	};
}

function extension(): vscode.Extension<unknown> {
	const found = vscode.extensions.getExtension(EXTENSION_ID);
	assert.ok(found !== undefined, `${EXTENSION_ID} is not installed`);
	return found;
}

function manifest(): Manifest {
	return extension().packageJSON as Manifest;
}

function listeningServers(): number {
	return process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
}

async function until(what: string, look: () => boolean, timeoutMs = 30_000): Promise<void> {
	const deadline = Date.now() + timeoutMs;
	while (!look()) {
		if (Date.now() > deadline) throw new Error(`did not happen within ${timeoutMs} ms: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** The record that a running mini-server keeps beside its data; the directory is a setting, for the tests. */
function serverRecord(): string {
	const directory = process.env.IN_HOST_SERVER_DIR;
	assert.ok(directory !== undefined, "IN_HOST_SERVER_DIR is not set");
	return join(directory, "server.json");
}

async function serverUrl(): Promise<string> {
	return (JSON.parse(await readFile(serverRecord(), "utf8")) as { readonly url: string }).url;
}

async function post(path: string, body: object): Promise<{ readonly id: string }> {
	const answer = await fetch(`${await serverUrl()}/api/${path}`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
	});
	assert.equal(answer.status, 201, path);
	return (await answer.json()) as { readonly id: string };
}

function monitorTerminal(): vscode.Terminal | undefined {
	return vscode.window.terminals.find(({ name }) => name.startsWith("Traceway Monitor"));
}

function hasTab(label: string): boolean {
	return vscode.window.tabGroups.all.some(({ tabs }) => tabs.some((tab) => tab.label.includes(label)));
}

/** The answer to one line that a program in a terminal sends. */
function ask(pipe: string, line: string): Promise<string> {
	return new Promise((resolve, reject) => {
		let answer = "";
		connect(pipe)
			.setEncoding("utf8")
			.on("data", (text: string) => {
				answer += text;
			})
			.on("error", reject)
			.on("close", () => resolve(answer.trim()))
			.write(`${line}\n`);
	});
}

export function run(): Promise<void> {
	return runTests([
		[
			"sleeps until somebody looks at it",
			() => {
				assert.equal(extension().isActive, false);
			},
		],
		[
			"binds no port, starts no process and leaves no timer when it is activated and nothing is opened",
			async () => {
				const before = listeningServers();
				const timers = new TimerWatch(join(extension().extensionPath, "dist"));
				try {
					await extension().activate();
					await new Promise((resolve) => setImmediate(resolve));
					assert.deepEqual(timers.pending, []);
				} finally {
					timers.restore();
				}
				assert.equal(listeningServers(), before);
				assert.equal(existsSync(serverRecord()), false);
			},
		],
		[
			"registers every command of the manifest, and no other",
			async () => {
				const { commands, views } = manifest().contributes;
				const viewCommands = Object.values(views)
					.flat()
					.flatMap(({ id }) => VIEW_COMMANDS.map((command) => `${id}.${command}`));
				const registered = (await vscode.commands.getCommands(true)).filter(
					(id) => id.startsWith("traceway.") && !viewCommands.includes(id),
				);
				assert.deepEqual(registered.sort(), commands.map(({ command }) => command).sort());
			},
		],
		[
			"has the defaults of the manifest for every setting",
			() => {
				for (const { properties } of manifest().contributes.configuration) {
					for (const [name, { default: value }] of Object.entries(properties)) {
						assert.deepEqual(vscode.workspace.getConfiguration().inspect(name)?.defaultValue, value, name);
					}
				}
			},
		],
		[
			"has the defaults of the code for its settings",
			() => {
				const configuration = vscode.workspace.getConfiguration("traceway");
				for (const [name, value] of Object.entries(SETTING_DEFAULTS)) {
					assert.deepEqual(configuration.inspect(name)?.defaultValue, value, name);
				}
			},
		],
		[
			"starts the mini-server when the view is opened",
			async () => {
				await vscode.commands.executeCommand("traceway.traces.focus");
				await until("the server has written its record", () => existsSync(serverRecord()));
				assert.equal((await fetch(`${await serverUrl()}/api/health`)).status, 200);
			},
		],
		[
			"opens a part of a span as a document with its own language",
			async () => {
				const trace = await post("traces", { name: "in the host" });
				const span = await post("spans", { trace_id: trace.id, name: "ask", input: { question: "why?" } });
				const query = JSON.stringify({ sourceId: "local", traceId: trace.id, spanId: span.id, part: "input" });
				const uri = vscode.Uri.from({ scheme: "traceway", path: "/ask input.json", query });
				const document = await vscode.workspace.openTextDocument(uri);
				assert.deepEqual(JSON.parse(document.getText()), { question: "why?" });
				assert.equal(document.languageId, "json");
			},
		],
		[
			"runs the monitor in a terminal, and opens the traces that it names",
			async () => {
				const trace = await post("traces", { name: "from the monitor" });
				await vscode.commands.executeCommand("traceway.monitor.open");
				const terminal = monitorTerminal();
				assert.ok(terminal !== undefined, "there is no terminal with the monitor");
				await vscode.commands.executeCommand("traceway.monitor.open");
				assert.equal(vscode.window.terminals.filter((one) => one === terminal || one.name === terminal.name).length, 1);

				const { env } = terminal.creationOptions as vscode.TerminalOptions;
				const pipe = env?.TRACEWAY_OPEN_PIPE ?? "";
				const server = encodeURIComponent(await serverUrl());
				const link = `${vscode.env.uriScheme}://${EXTENSION_ID}/trace/${trace.id}?server=${server}`;
				await vscode.commands.executeCommand("traceway.trace.copyLink", { kind: "trace", traceId: trace.id });
				assert.equal(await vscode.env.clipboard.readText(), link);
				assert.equal(await ask(pipe, link), "ok");
				await until("the waterfall is open", () => hasTab("from the monitor"));
				assert.match(await ask(pipe, link.replace(server, "http%3A%2F%2F192.0.2.1")), /192\.0\.2\.1/);
				assert.match(await ask(pipe, "vscode://elsewhere/run?command=x"), /names no trace/);

				const closed = new Promise<vscode.Terminal>((resolve) => {
					const listener = vscode.window.onDidCloseTerminal((one) => {
						listener.dispose();
						resolve(one);
					});
				});
				// Keys that come before the monitor reads any wait for it in the terminal.
				terminal.sendText("q", false);
				assert.equal((await closed).exitStatus?.code, 0);
			},
		],
		[
			"stops the mini-server by command",
			async () => {
				await vscode.commands.executeCommand("traceway.server.stop");
				await until("the server has removed its record", () => !existsSync(serverRecord()));
			},
		],
	]);
}
