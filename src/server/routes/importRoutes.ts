import { setImmediate as nextTurn } from "node:timers/promises";
import type { WireImport } from "../../protocol/transfer.ts";
import { HttpError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { jsonText } from "../http/respond.ts";
import type { App, Services } from "../services.ts";
import type { Store } from "../storage/store.ts";
import { ImportReader } from "../transfer/importRecords.ts";

/** Spans (or records) read in one turn of the event loop, and stored in one transaction. */
const SPANS_PER_TURN = 500;

/**
 * `POST /api/import`: what `/api/export/json` or `/api/export/otlp` gave. The body is read to its end before anything is stored, so
 * that half a file changes nothing; what is there already stays as it is, so that a file may be imported twice.
 */
export function addImportRoutes(app: App, { store }: Services): void {
	app.post("/api/import", async (context) => {
		const body = await readBody(context.env.incoming);
		if (body.length === 0) throw new HttpError(400, "invalid_json", "body: is empty, an export was expected");
		const reader = new ImportReader(body.toString("utf8"));
		let count = 0;
		for (const _ of reader.read()) if (++count % SPANS_PER_TURN === 0) await nextTurn();

		await storeRecords(reader, store);
		let added = 0;
		for (let from = 0; from < reader.spans.length; from += SPANS_PER_TURN) {
			const spans = reader.spans.slice(from, from + SPANS_PER_TURN);
			const traces = from === 0 ? reader.seenTraces : [];
			added += (await store.addBatch({ spans, traces })).added;
		}
		const answer: WireImport = {
			traces: reader.traceCount,
			spans: added,
			skipped: reader.spans.length - added,
			rejected: reader.rejected,
			errors: reader.errors,
		};
		return jsonText(JSON.stringify(answer));
	});
}

/** A record that differs from the one that is there stays out, and its spans go to that one. */
async function storeRecords(reader: ImportReader, store: Store): Promise<void> {
	const records = [...reader.records.values()];
	for (let from = 0; from < records.length; from += SPANS_PER_TURN) {
		const portion = records.slice(from, from + SPANS_PER_TURN);
		// Asked for in one turn, so that they share a transaction.
		const results = await Promise.all(portion.map((record) => store.createTrace(record)));
		for (const [index, { outcome }] of results.entries()) {
			if (outcome === "conflict") reader.leaveOutRecord(String(portion[index].id));
		}
	}
}
