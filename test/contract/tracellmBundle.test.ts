import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import type { Source, SourceOptions } from "../../src/sources/source.ts";
import { MongoPeer } from "../peers/mongoPeer.ts";
import { ends, soon } from "./support/tracellm.ts";

/** What only the bundle can get wrong: the driver of MongoDB with its optional parts, and the file of SQLite's thread. */

interface Metafile {
	readonly outputs: Readonly<Record<string, { readonly entryPoint?: string }>>;
}

/** The adapter as the extension loads it. */
async function bundledSource(options: SourceOptions): Promise<Source> {
	const root = new URL("../../", import.meta.url).pathname;
	const { outputs } = JSON.parse(readFileSync(join(root, "dist/meta/extension.json"), "utf8")) as Metafile;
	const adapter = Object.entries(outputs).find(
		([, { entryPoint }]) => entryPoint === "src/sources/tracellm/tracellmSource.ts",
	);
	if (adapter === undefined) throw new Error("the bundle has no chunk of the adapter");
	const { createTracellmSource } = await import(/* @vite-ignore */ pathToFileURL(join(root, adapter[0])).href);
	return createTracellmSource(options);
}

async function traceIdsBy(settings: Readonly<Record<string, string>>): Promise<() => string[]> {
	const source = await bundledSource({
		config: { id: "s", name: "s", type: "tracellm", url: "http://127.0.0.1:1/none", options: settings },
		logger: silentLogger,
		fetch: globalThis.fetch,
		getToken: async () => undefined,
	});
	ends.push(() => source.dispose());
	source.connect();
	return () => [...source.store.entries()].map((entry) => entry.traceId);
}

describe("the bundled adapter", () => {
	it("reads a SQLite file by the thread in its own file", async () => {
		const folder = mkdtempSync(join(tmpdir(), "tracellm-bundle-"));
		ends.push(() => rmSync(folder, { recursive: true }));
		const database = new DatabaseSync(join(folder, "traces.db"));
		database.exec(`CREATE TABLE traces (id INTEGER PRIMARY KEY, trace_id TEXT, prompt TEXT, response TEXT, steps TEXT,
			created_at TEXT, updated_at TEXT); INSERT INTO traces (trace_id, steps) VALUES ('by file', '[]')`);
		database.close();
		const ids = await traceIdsBy({ sqliteFile: join(folder, "traces.db") });
		await vi.waitFor(() => expect(ids()).toEqual(["by file"]), soon);
	});

	it("reads MongoDB by the driver in its own chunk", async () => {
		const peer = await MongoPeer.start();
		ends.push(() => peer.stop());
		peer.insert("tracellm.traces", { trace_id: "by driver" });
		const ids = await traceIdsBy({ mongoUrl: peer.url });
		await vi.waitFor(() => expect(ids()).toEqual(["by driver"]), soon);
	});
});
