import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FaultProxy, isEventStream } from "../peers/faultProxy.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

const WATCHDOG_SECONDS = 3;

describe("a server that misbehaves", () => {
	let server: TestServer;
	let proxy: FaultProxy;
	const session = useSession(async () => {
		server = await TestServer.start();
		proxy = await FaultProxy.start(() => server.url, { heartbeatMs: 500 });
		proxy.isMeant = isEventStream;
		return withSource(proxy.url, { "traceway.connection.watchdogSeconds": WATCHDOG_SECONDS });
	});

	beforeAll(async () => {
		await session().window.openView();
	});

	beforeEach(async () => {
		await proxy.set(undefined);
		if ((await session().window.statusBar.text()).startsWith("Live")) return;
		await session().window.run("Traceway: Reconnect");
		await session().window.statusBar.waitFor("Live");
	});

	afterAll(async () => {
		await proxy?.dispose();
		await server?.dispose();
	});

	/** Number of attempts so far. */
	const attempts = () => proxy.requests.filter(isEventStream).length;

	it("is noticed when it accepts and then says nothing, and is live again when it speaks", async () => {
		const { statusBar } = session().window;
		await proxy.set({ type: "silent" });
		proxy.cut();
		await statusBar.waitFor("Disconnected", 30_000);
		const before = attempts();
		await until("the watchdog opens the stream anew", () => attempts() > before, 60_000);
		await proxy.set(undefined);
		await statusBar.waitFor("Live", 60_000);
	});

	it("is asked again after the two seconds that its Retry-After names", async () => {
		const { statusBar } = session().window;
		await proxy.set({ type: "status", status: 503, headers: { "retry-after": "2" } });
		const before = attempts();
		proxy.cut();
		await until("three attempts are made", () => attempts() >= before + 3, 60_000);
		await proxy.set(undefined);
		const [first, second, third] = proxy.requests
			.filter(isEventStream)
			.slice(before)
			.map(({ atMs }) => atMs);
		expect(second - first).toBeGreaterThanOrEqual(1_950);
		expect(third - second).toBeGreaterThanOrEqual(1_950);
		await statusBar.waitFor("Live");
	});

	it("is asked at once out of a long backoff when the status bar is clicked", async () => {
		const { window } = session();
		const { statusBar } = window;
		// The tests before have left so many failures that the first wait of this one would be anything up to 30 s.
		const asked = attempts();
		await window.run("Traceway: Reconnect");
		await until("the stream is opened anew", () => attempts() > asked);
		await statusBar.waitFor("Live");
		await proxy.set({ type: "status", status: 503, headers: { "retry-after": "25" } });
		const before = attempts();
		proxy.cut();
		await until("the server has asked for 25 seconds", () => attempts() > before);
		await statusBar.waitUntilNot("Live");
		await proxy.set(undefined);
		await statusBar.click();
		await statusBar.waitFor("Live", 10_000);
		expect(attempts()).toBe(before + 2);
	});

	it("is asked again by the palette after it was given up as failed", async () => {
		const { window } = session();
		await proxy.set({ type: "status", status: 404 });
		proxy.cut();
		await window.statusBar.waitFor("Disconnected");
		const before = attempts();
		await proxy.set(undefined);
		await window.run("Traceway: Reconnect");
		await window.statusBar.waitFor("Live", 10_000);
		expect(attempts()).toBe(before + 1);
	});

	it("is asked at once by the palette while the stream is open", async () => {
		const { window } = session();
		const before = attempts();
		await window.run("Traceway: Reconnect");
		await until("a new stream is asked for", () => attempts() > before, 5_000);
		await window.statusBar.waitFor("Live");
	});
});

describe("a server that wants a token", () => {
	const TOKEN = "tw_sk_9d1f7c0a5b3e48d2a6";
	let server: TestServer;
	const session = useSession(async () => {
		server = await TestServer.start({ token: TOKEN });
		return withSource(server.url);
	});

	afterAll(async () => {
		await server?.dispose();
	});

	it("shows Disconnected with Set Token, and works after the token is set", async () => {
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Disconnected");
		await window.traces.pane.getByRole("button", { name: "Set Token" }).waitFor();
		await window.notifications.click("token", "Set Token");
		await window.quickInput.type(TOKEN);
		await window.statusBar.waitFor("Live");
		await server.api.trace("behind a token");
		await window.traces.row("behind a token").waitFor();
	});

	it("keeps the token after a reload", async () => {
		const { window } = session();
		await window.reload();
		await window.openView();
		await window.statusBar.waitFor("Live", 40_000);
		await window.traces.row("behind a token").waitFor();
	});

	it("leaves the token in no log, setting or file, and in nothing shown", async () => {
		const { window, workbench } = session();
		const files = await filesUnder(workbench.userDataDir, workbench.workspaceDir);
		expect(files.length).toBeGreaterThan(5);
		const holders: string[] = [];
		for (const file of files) {
			const bytes = await readFile(file).catch(() => Buffer.alloc(0));
			if (bytes.includes(TOKEN)) holders.push(file);
		}
		expect(holders).toEqual([]);
		expect(await session().extensionLog()).toContain("stream open");
		expect(await window.statusBar.tooltip()).not.toContain(TOKEN);
		expect(await window.page.content()).not.toContain(TOKEN);
	});
});

async function filesUnder(...directories: string[]): Promise<string[]> {
	const files: string[] = [];
	for (const directory of directories) {
		for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
			if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
		}
	}
	return files;
}
