import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { spanText } from "../../otlp/spanText.ts";
import { createTraceSchema } from "../../protocol/rest.ts";
import { HttpError } from "../errors.ts";
import { betweenPieces } from "../http/backpressure.ts";
import { JSON_HEADERS, jsonText, pageText } from "../http/respond.ts";
import { checkId, checkTime, readJson } from "../http/validation.ts";
import { type App, type AppContext, queryOf, type Services } from "../services.ts";
import type { Place } from "../storage/spanList.ts";
import { traceItemText } from "../storage/wireText.ts";
import { parseFields, parseLimit, parseTraceCursor, traceCursor } from "./spanFilter.ts";

/** Spans read and written in one turn of the event loop while a trace is sent; fewer when they are large. */
const SPANS_PER_TURN = 1000;

/** Routes under `/api/traces`. */
export function addTraceRoutes(app: App, services: Services): void {
	const { store, reader } = services;

	app.post("/api/traces", async (context) => {
		const { value } = await readJson(context.env.incoming, createTraceSchema);
		const result = await store.createTrace({
			id: value.id ?? undefined,
			name: value.name?.toWellFormed() ?? null,
			tagsJson: JSON.stringify(value.tags ?? []),
			start: checkTime(value.started_at, "started_at"),
		});
		if (result.outcome === "conflict") {
			throw new HttpError(409, "conflict", "id: another trace has this id already");
		}
		return jsonText(result.text, 201);
	});

	app.get("/api/traces", (context) => {
		const query = queryOf(context);
		const cursor = parseTraceCursor(query);
		const limit = parseLimit(query);
		const read = () => reader.traces(cursor?.place, limit);
		const page = read();
		const isSettled = page.rows.every(({ unsettled }) => unsettled === 0);
		const { rows, next } = isSettled ? page : store.upToDate(page.rows, read);
		const total = cursor?.total ?? store.traceCount;
		const nextCursor = next === undefined ? null : traceCursor(next, total);
		return jsonText(pageText("traces", rows.map(traceItemText), total, nextCursor));
	});

	app.delete("/api/traces", async () => {
		await store.deleteAll();
		return jsonText('{"message":"All traces cleared"}');
	});

	app.get("/api/traces/:id", async (context) => {
		const id = checkId(context.req.param("id"), "trace");
		const isSkeleton = parseFields(queryOf(context)) === "skeleton";
		const known = reader.trace(id);
		const read = (ref: number) => ({
			trace: reader.trace(id),
			rows: reader.traceSpans(ref, undefined, SPANS_PER_TURN, isSkeleton),
		});
		const found = known === undefined ? undefined : store.upToDate([known], () => read(known.ref));
		if (found?.trace === undefined) throw new HttpError(404, "not_found", "trace id: there is no such trace");
		const { trace, rows } = found;
		const head = `{"trace":${traceItemText(trace)},"spans":[`;
		const last = rows.at(-1);
		const texts = rows.map(spanText);
		if (rows.length === trace.spanCount || last === undefined) {
			return jsonText(`${head}${texts.join(",")}],"count":${rows.length}}`);
		}
		const place: Place = { values: [last.startMs, last.startSub], seq: last.seq };
		await sendRest(context, services, trace.ref, head + texts.join(","), rows.length, place, isSkeleton);
		return RESPONSE_ALREADY_SENT;
	});

	app.delete("/api/traces/:id", async (context) => {
		const id = checkId(context.req.param("id"), "trace");
		const spansDeleted = await store.deleteTrace(id);
		if (spansDeleted === undefined) throw new HttpError(404, "not_found", "trace id: there is no such trace");
		return jsonText(JSON.stringify({ trace_id: id, spans_deleted: spansDeleted }));
	});
}

/**
 * Sends a large trace piece by piece: a turn of the event loop for each thousand spans, and no faster than the client
 * reads. Spans are read behind the place of the last one, so that each is sent once however long it takes.
 */
async function sendRest(
	context: AppContext,
	{ reader, store }: Services,
	ref: number,
	head: string,
	sent: number,
	from: Place,
	isSkeleton: boolean,
): Promise<void> {
	const { outgoing } = context.env;
	outgoing.writeHead(200, { ...JSON_HEADERS });
	let count = sent;
	let place = from;
	let isFree = outgoing.write(head);
	for (;;) {
		await betweenPieces(outgoing, isFree);
		if (outgoing.destroyed) return;
		const after = place;
		const rows = store.upToDate([], () => reader.traceSpans(ref, after, SPANS_PER_TURN, isSkeleton));
		const last = rows.at(-1);
		if (last === undefined) break;
		count += rows.length;
		place = { values: [last.startMs, last.startSub], seq: last.seq };
		isFree = outgoing.write(`,${rows.map(spanText).join(",")}`);
	}
	outgoing.end(`],"count":${count}}`);
}
