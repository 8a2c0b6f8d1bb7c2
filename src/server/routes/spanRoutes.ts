import { memberTexts } from "../../base/memberText.ts";
import type { SpanKindRecord } from "../../otlp/spanRecord.ts";
import { spanText } from "../../otlp/spanText.ts";
import { completeSpanSchema, createSpanSchema, failSpanSchema, type SpanKindInput } from "../../protocol/rest.ts";
import { HttpError } from "../errors.ts";
import { type Answer, jsonText, pageText } from "../http/respond.ts";
import { checkId, checkTime, readJson, readOptionalJson } from "../http/validation.ts";
import { type App, queryOf, type Services } from "../services.ts";
import { DEFAULT_KIND, prepareKind } from "../spanKind.ts";
import type { SpanQuery } from "../storage/spanList.ts";
import type { SpanEnd } from "../storage/spanTable.ts";
import { isPlainCompleteSpan, isPlainCreateSpan, isPlainFailSpan } from "./spanBody.ts";
import { parseSpanQuery } from "./spanFilter.ts";

const OK: Answer = { status: 200, body: '{"ok":true}' };

/** Routes under `/api/spans`. */
export function addSpanRoutes(app: App, services: Services): void {
	const { store, reader, list, posts } = services;

	posts.add("/api/spans", async (request) => {
		const { value, text } = await readJson(request, createSpanSchema, isPlainCreateSpan);
		const texts = memberTexts(text, ["input", "metadata", "kind"]);
		const start = checkTime(value.started_at, "started_at");
		const result = await store.createSpan({
			id: value.id ?? undefined,
			traceId: value.trace_id,
			parentId: value.parent_id ?? null,
			name: value.name.toWellFormed(),
			kind: kindOf(value.kind, texts.kind, start?.ms) ?? DEFAULT_KIND,
			inputJson: texts.input ?? null,
			metadataJson: texts.metadata ?? null,
			sessionId: value.session_id ?? null,
			otel: undefined,
			start,
		});
		if (result.outcome === "conflict") {
			throw new HttpError(409, "conflict", "id: another span has this id already");
		}
		return { status: 201, body: `{"id":${JSON.stringify(result.id)},"trace_id":${JSON.stringify(result.traceId)}}` };
	});

	app.get("/api/spans", async (context) => {
		const { query, cursorFor } = parseSpanQuery(queryOf(context));
		const knownTotal = query.knownTotal ?? countAtHand(services, query);
		const read = () => list.page({ ...query, knownTotal }, () => context.env.outgoing.destroyed);
		// The index by trace is read before the first turn ends.
		const { rows, next, total } = await (query.traceId === undefined ? read() : store.upToDate([], read));
		// Who asks for skeletons is a client of ours and needs no second copy.
		const name = query.isSkeleton ? undefined : "spans";
		const nextCursor = next === undefined ? null : cursorFor(next, total);
		return jsonText(pageText(name, rows.map(spanText), total, nextCursor));
	});

	app.get("/api/spans/:id", (context) => {
		const row = reader.span(checkId(context.req.param("id"), "span"));
		if (row === undefined) throw unknownSpan();
		return jsonText(spanText(row));
	});

	app.delete("/api/spans/:id", async (context) => {
		if (!(await store.deleteSpan(checkId(context.req.param("id"), "span")))) throw unknownSpan();
		return jsonText('{"ok":true}');
	});

	posts.add("/api/spans/:id/complete", async (request, id) => {
		checkId(id, "span");
		const body = await readOptionalJson(request, completeSpanSchema, isPlainCompleteSpan);
		const texts = body === undefined ? {} : memberTexts(body.text, ["output", "kind"]);
		await end(services, id, {
			outputJson: texts.output ?? null,
			kind: kindOf(body?.value.kind, texts.kind),
			end: checkTime(body?.value.ended_at, "ended_at"),
		});
		return OK;
	});

	posts.add("/api/spans/:id/fail", async (request, id) => {
		checkId(id, "span");
		const { value } = await readJson(request, failSpanSchema, isPlainFailSpan);
		await end(services, id, { error: value.error.toWellFormed(), end: checkTime(value.ended_at, "ended_at") });
		return OK;
	});
}

/** Number of matches where it need not be counted: of all spans, and of all of a trace. */
function countAtHand({ store, reader }: Services, { traceId, conditions, texts }: SpanQuery): number | undefined {
	if (conditions.length + texts.length > 0) return undefined;
	return traceId === undefined ? store.spanCount : (reader.trace(traceId)?.spanCount ?? 0);
}

async function end({ store }: Services, id: string, how: SpanEnd): Promise<void> {
	const outcome = await store.endSpan(id, how);
	if (outcome === "unknown") throw unknownSpan();
	if (outcome === "alreadyEnded") {
		throw new HttpError(409, "already_ended", "span id: this span has been completed or failed already");
	}
}

/** `text` is the compact JSON of `kind`. */
function kindOf(
	kind: SpanKindInput | null | undefined,
	text: string | undefined,
	startMs?: number | undefined,
): SpanKindRecord | undefined {
	if (kind === undefined || kind === null || text === undefined) return undefined;
	// Only those of custom spans are kept as they came.
	const attributes = kind.type === "custom" ? memberTexts(text, ["attributes"]).attributes : undefined;
	return prepareKind(kind, attributes, startMs);
}

function unknownSpan(): HttpError {
	return new HttpError(404, "not_found", "span id: there is no such span");
}
