import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Api } from "./support/api.ts";
import { TestServer } from "./support/server.ts";
import { useSession } from "./support/session.ts";
import { withSource } from "./support/sources.ts";
import { until } from "./support/wait.ts";

let server: TestServer;
let api: Api;
const directory = mkdtempSync(join(tmpdir(), "traceway-e2e-files-"));

describe("files of traces", () => {
	const session = useSession(async () => {
		server = await TestServer.start();
		api = server.api;
		return withSource(server.url);
	});

	beforeAll(async () => {
		await session().window.openView();
		await session().window.statusBar.waitFor("Live");
	});

	afterAll(async () => {
		await server?.dispose();
		rmSync(directory, { recursive: true, force: true });
	});

	it("are written from the palette and read back into an empty server", async () => {
		const { window } = session();
		await api.clear();
		const traceId = await api.trace("keep me");
		await api.complete(await api.span(traceId, "work"));
		await window.traces.waitForRow("keep me", "is there", () => true);
		const path = join(directory, "kept.json");
		await window.run("Traceway: Export Traces…");
		await window.quickInput.pick("OpenTelemetry (OTLP JSON)");
		await window.quickInput.chooseFile(path, "OK");
		await window.notifications.toast(`written to ${path}`).waitFor();
		expect(JSON.parse(readFileSync(path, "utf8")).resourceSpans).toHaveLength(1);

		await api.clear();
		await until("the tree is empty", async () => (await window.traces.rows.count()) === 0);
		await window.run("Traceway: Import Traces…");
		await window.quickInput.chooseFile(path, "Import");
		await window.notifications.toast("1 span imported").waitFor();
		const row = await window.traces.waitForRow("keep me", "is back", ({ icon }) => icon === "pass");
		expect(row.level).toBe(1);
	});
});
