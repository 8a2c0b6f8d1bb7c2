import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TempoPeer } from "../peers/tempoPeer.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { until } from "./support/wait.ts";

const TOKEN = "tw_sk_5c1e07d9b24a4f6e83";
const PASSWORD = "glc_2f6d80a1c94b";
const WRONG_TOKEN = "tw_sk_of_another_door";

describe("adding a source by its address", () => {
	let open: TestServer;
	let locked: TestServer;
	let gateway: TempoPeer;
	let silent: Server;
	const sockets = new Set<Socket>();
	const closed = new Set<Socket>();
	const session = useSession(async () => {
		[open, locked, gateway] = await Promise.all([
			TestServer.start(),
			TestServer.start({ token: TOKEN }),
			TempoPeer.start({ basic: { username: "me", password: PASSWORD } }),
		]);
		silent = createServer((socket) => {
			sockets.add(socket);
			// Read, or nobody would hear of its end.
			socket.resume().on("close", () => closed.add(socket));
		});
		await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
		return {};
	});
	const box = () => session().window.quickInput;
	const rows = () => box().widget.locator(".monaco-list-row");
	const hostOf = (server: TestServer) => new URL(server.url).host;

	/** Files of this profile that hold a text. */
	async function holdersOf(text: string): Promise<string[]> {
		const { userDataDir, workspaceDir } = session().workbench;
		const holders: string[] = [];
		for (const directory of [userDataDir, workspaceDir]) {
			for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
				if (!entry.isFile()) continue;
				const path = join(entry.parentPath, entry.name);
				if ((await readFile(path).catch(() => Buffer.alloc(0))).includes(text)) holders.push(path);
			}
		}
		return holders;
	}

	async function begin(address: string): Promise<void> {
		await session().window.run("Traceway: Add Source…");
		await box().widget.getByText("Add Source", { exact: true }).waitFor();
		await box().type(address);
	}

	/** Waits for the question whose explanation says this. */
	async function waitForQuestion(text: string | RegExp): Promise<void> {
		await box().widget.locator(".quick-input-message").filter({ hasText: text }).waitFor();
	}

	beforeAll(async () => {
		await open.api.trace("found by its address");
		await locked.api.trace("behind a token");
		const { window } = session();
		await window.openView();
		await window.statusBar.waitFor("Live", 40_000);
		await window.sources.expand();
	});

	afterAll(async () => {
		for (const socket of sockets) socket.destroy();
		await new Promise((resolve) => silent?.close(resolve));
		await gateway?.stop();
		await open?.dispose();
		await locked?.dispose();
	});

	it("is offered where there is none yet, and saves nothing when it is left", async () => {
		const { window } = session();
		expect(await window.sources.names()).toEqual(["Mini-Server", "Add Source…"]);
		await window.sources.select("Add Source…");
		await box().widget.getByText("Add Source", { exact: true }).waitFor();
		await box().cancel();
		expect(await window.sources.names()).toEqual(["Mini-Server", "Add Source…"]);
	});

	it("finds out what answers, says what it found, and shows it beside the mini-server", async () => {
		const { window } = session();
		await begin(hostOf(open));
		await waitForQuestion(`Found Traceway at ${hostOf(open)} · 1 trace.`);
		expect(await box().input.inputValue()).toBe("Traceway");
		await box().type("Nightly build");
		await window.sources.waitFor("Nightly build", /^Live · 1 trace/);
		await window.traces.row("found by its address").waitFor();
		expect(await window.sources.names()).toEqual(["Nightly build", "Mini-Server"]);
		await window.sources.waitFor("Mini-Server", /^Live/);
		// There and back: a click on a row shows it whatever was selected before.
		await window.sources.select("Mini-Server");
		await until(
			"the mini-server is shown",
			async () => (await window.traces.row("found by its address").count()) === 0,
		);
		await window.sources.select("Nightly build");
		await window.traces.row("found by its address").waitFor();
	});

	it("says what was tried where nothing answers, and lets the address be corrected", async () => {
		const nobody = await freeAddress();
		await begin(nobody);
		await rows().filter({ hasText: "Correct the Address" }).waitFor();
		expect(await box().input.getAttribute("placeholder")).toContain(`No known trace server answers at ${nobody}`);
		await rows().filter({ hasText: "ECONNREFUSED" }).first().waitFor();
		await rows().filter({ hasText: "Correct the Address" }).click();
		await until("the address is there again", async () => (await box().input.inputValue()) === nobody);
		await box().input.fill("not an address");
		await rows().filter({ hasText: "The address must not hold a space" }).waitFor();
		await box().cancel();
	});

	it("is cancelled while it waits for an answer that does not come", async () => {
		await begin(`127.0.0.1:${(silent.address() as { port: number }).port}`);
		await rows().filter({ hasText: "Traceway" }).waitFor();
		await until("it has asked", () => sockets.size > 0);
		await box().cancel();
		await until("it has hung up", () => closed.size === sockets.size);
		expect(await session().window.sources.names()).toEqual(["Nightly build", "Mini-Server"]);
	});

	it("asks for a token where one is wanted, again for a wrong one, and keeps none when it is cancelled", async () => {
		const { window } = session();
		await begin(locked.url);
		await waitForQuestion("It is kept in the secret storage once the source is saved.");
		await box().type(WRONG_TOKEN);
		await waitForQuestion("The server refused that. Try another token.");
		await box().type(TOKEN);
		await waitForQuestion(`Found Traceway at ${hostOf(locked)} · 1 trace.`);
		await box().cancel();
		expect(await window.sources.names()).toEqual(["Nightly build", "Mini-Server"]);
		expect(await window.storedState()).not.toMatch(/traceway\.token/);
	});

	it("connects with the token, which is in no setting, log or file", async () => {
		const { window } = session();
		await begin(locked.url);
		await waitForQuestion("It is kept in the secret storage once the source is saved.");
		await box().type(TOKEN);
		await waitForQuestion(`Found Traceway at ${hostOf(locked)} · 1 trace.`);
		// The name was taken by nobody: the first one has another.
		expect(await box().input.inputValue()).toBe("Traceway");
		await box().type("Locked");
		await window.sources.waitFor("Locked", /^Live · 1 trace/);
		await window.traces.row("behind a token").waitFor();
		expect(await holdersOf(TOKEN)).toEqual([]);
		expect(await holdersOf(WRONG_TOKEN)).toEqual([]);
		expect((await holdersOf('"Locked"')).some((path) => path.endsWith("settings.json"))).toBe(true);
		expect(await window.page.content()).not.toContain(TOKEN);
		// The others were left alone: neither was connected a second time.
		const log = await session().extensionLog();
		expect(log.match(/\[source local\] stream open/g)).toHaveLength(1);
	});

	it("signs in with a user name where a token does not do", async () => {
		const { window } = session();
		await begin(gateway.url);
		await waitForQuestion("The server wants a token.");
		await box().widget.getByRole("button", { name: "Sign In with User Name and Password" }).click();
		await waitForQuestion("For basic authentication.");
		await box().type("me");
		await waitForQuestion("Password of me.");
		await box().type(PASSWORD);
		await waitForQuestion(/Found Grafana Tempo at .* · 0 traces in the last hour/);
		await box().type("Cloud");
		await window.sources.waitFor("Cloud", /^Live/);
		expect(await holdersOf(PASSWORD)).toEqual([]);
		await window.sources.row("Cloud").click({ button: "right" });
		await window.chooseFromMenu("Remove Source");
		await window.notifications.confirm("Remove");
		await until("it is gone", async () => !(await window.sources.names()).includes("Cloud"));
	});

	it("leads to the source that is there already", async () => {
		const { window } = session();
		const { url } = await until("the mini-server runs", () => session().workbench.miniServer(), 30_000);
		await begin(url);
		await until("the mini-server is shown", async () => (await window.traces.row("behind a token").count()) === 0);
		expect(await window.sources.names()).toEqual(["Nightly build", "Locked", "Mini-Server"]);
	});

	it("is undone by Remove Source, which takes the panel's source away and nobody else's", async () => {
		const { window } = session();
		await window.sources.row("Nightly build").click({ button: "right" });
		await window.chooseFromMenu("Remove Source");
		await window.notifications.confirm("Remove");
		await until("it is gone", async () => !(await window.sources.names()).includes("Nightly build"));
		expect(await window.sources.names()).toEqual(["Locked", "Mini-Server"]);
		await window.sources.waitFor("Locked", /^Live/);
	});
});

/** Where nobody listens. */
async function freeAddress(): Promise<string> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	await new Promise((resolve) => server.close(resolve));
	return `127.0.0.1:${port}`;
}
