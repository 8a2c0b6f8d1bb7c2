import type { IncomingMessage } from "node:http";
import {
	changeDatasetSchema,
	claimSchema,
	createDatapointSchema,
	createDatasetSchema,
	enqueueSchema,
	exportSpanSchema,
	QUEUE_STATES,
	submitSchema,
	type WireDataset,
} from "../../protocol/datasets.ts";
import { HttpError } from "../errors.ts";
import { readBody } from "../http/body.ts";
import { jsonText, pageText } from "../http/respond.ts";
import { readJson, readOptionalJson } from "../http/validation.ts";
import { writeJson } from "../jsonWrite.ts";
import { type App, queryOf, type Services } from "../services.ts";
import type { NewDatapoint, RecordPage } from "../storage/datasets.ts";
import { readRecords } from "../transfer/uploadedRecords.ts";
import { parseLimit } from "./spanFilter.ts";

/** Rows of a file that are stored in one transaction. */
const POINTS_PER_TURN = 1000;

/** Routes under `/api/datasets`, `/api/queue` and `/api/files`. */
export function addDatasetRoutes(app: App, services: Services): void {
	const { datasets } = services;

	app.get("/api/datasets", () => {
		const all = datasets.all().map((dataset) => JSON.stringify(dataset));
		return jsonText(pageText("datasets", all, all.length, null));
	});
	app.post("/api/datasets", async (context) => {
		const { value } = await readJson(context.env.incoming, createDatasetSchema);
		return jsonText(JSON.stringify(await datasets.create(value.name, value.description ?? undefined)), 201);
	});
	app.get("/api/datasets/:id", (context) => jsonText(JSON.stringify(find(services, context.req.param("id")))));
	app.put("/api/datasets/:id", async (context) => {
		const { value } = await readJson(context.env.incoming, changeDatasetSchema);
		const { id } = find(services, context.req.param("id"));
		return jsonText(JSON.stringify(await datasets.change(id, value.name ?? undefined, value.description ?? undefined)));
	});
	app.delete("/api/datasets/:id", async (context) => {
		if (!(await datasets.delete(context.req.param("id")))) throw unknown("dataset");
		return jsonText('{"ok":true}');
	});

	app.get("/api/datasets/:id/datapoints", (context) => {
		const { id } = find(services, context.req.param("id"));
		const query = queryOf(context);
		return page("datapoints", datasets.datapoints(id, parsePlace(query), parseLimit(query)));
	});
	app.post("/api/datasets/:id/datapoints", async (context) => {
		const { value } = await readJson(context.env.incoming, createDatapointSchema);
		const { id } = find(services, context.req.param("id"));
		const [made] = await datasets.addDatapoints(id, [
			{ kindJson: writeJson(value.kind, "kind"), source: "manual", spanId: undefined },
		]);
		return jsonText(JSON.stringify(made), 201);
	});
	app.get("/api/datasets/:id/datapoints/:dp", (context) => {
		const datapoint = datasets.datapoint(context.req.param("id"), context.req.param("dp"));
		if (datapoint === undefined) throw unknown("datapoint");
		return jsonText(JSON.stringify(datapoint));
	});
	app.delete("/api/datasets/:id/datapoints/:dp", async (context) => {
		if (!(await datasets.deleteDatapoint(context.req.param("id"), context.req.param("dp")))) throw unknown("datapoint");
		return jsonText('{"ok":true}');
	});

	app.post("/api/datasets/:id/export-span", async (context) => {
		const made = await exportSpan(services, context.req.param("id"), context.env.incoming);
		return jsonText(JSON.stringify(made), 201);
	});
	app.post("/api/datasets/:id/export-span-and-enqueue", async (context) => {
		const made = await exportSpan(services, context.req.param("id"), context.env.incoming);
		const [item] = await datasets.enqueue(made.dataset_id, [made.id]);
		return jsonText(JSON.stringify(item), 201);
	});
	app.post("/api/datasets/:id/import", async (context) => {
		const { id } = find(services, context.req.param("id"));
		const { incoming } = context.env;
		const records = await readRecords(await readBody(incoming), incoming.headers["content-type"]);
		const points = records.map(uploaded);
		for (let from = 0; from < points.length; from += POINTS_PER_TURN) {
			await datasets.addDatapoints(id, points.slice(from, from + POINTS_PER_TURN));
		}
		return jsonText(JSON.stringify({ imported: records.length, dataset_id: id }), 201);
	});

	app.get("/api/datasets/:id/queue", (context) => {
		const { id } = find(services, context.req.param("id"));
		return queuePage(services, id, queryOf(context));
	});
	app.post("/api/datasets/:id/queue", async (context) => {
		const { value } = await readJson(context.env.incoming, enqueueSchema);
		const { id } = find(services, context.req.param("id"));
		const items = await datasets.enqueue(id, Array.isArray(value) ? value : value.datapoint_ids);
		return jsonText(JSON.stringify({ enqueued: items.length }), 201);
	});
	app.get("/api/queue", (context) => queuePage(services, undefined, queryOf(context)));
	app.post("/api/queue/:item/claim", async (context) => {
		const body = await readOptionalJson(context.env.incoming, claimSchema);
		return moved(await datasets.claim(context.req.param("item"), body?.value.claimed_by ?? undefined));
	});
	app.post("/api/queue/:item/submit", async (context) => {
		const body = await readOptionalJson(context.env.incoming, submitSchema);
		return moved(await datasets.submit(context.req.param("item"), editedJson(body?.value.edited_data)));
	});

	app.get("/api/files", async (context) => {
		const prefix = queryOf(context).get("path_prefix") ?? "";
		const files = await datasets.files((path) => path.startsWith(prefix));
		return jsonText(JSON.stringify({ files, count: files.length }));
	});
}

function find({ datasets }: Services, id: string): WireDataset {
	const dataset = datasets.find(id);
	if (dataset === undefined) throw unknown("dataset");
	return dataset;
}

async function exportSpan(services: Services, datasetId: string, request: IncomingMessage) {
	const { value } = await readJson(request, exportSpanSchema);
	const { id } = find(services, datasetId);
	const span = services.reader.span(value.span_id);
	if (span === undefined) throw unknown("span");
	const { inputJson, outputJson } = span;
	const kind = {
		type: "generic",
		input: inputJson === null ? null : JSON.parse(inputJson),
		expected_output: outputJson === null ? null : JSON.parse(outputJson),
	};
	const [made] = await services.datasets.addDatapoints(id, [
		{ kindJson: writeJson(kind, "span"), source: "span_export", spanId: span.id },
	]);
	return made;
}

/** A row of a file: what it calls input and output, or all of it as the input. */
function uploaded(record: unknown): NewDatapoint {
	const members = typeof record === "object" && record !== null ? (record as Readonly<Record<string, unknown>>) : {};
	const hasInput = Object.hasOwn(members, "input");
	const kind = {
		type: "generic",
		input: hasInput ? members.input : record,
		expected_output: (hasInput ? (members.expected_output ?? members.expected ?? members.output) : null) ?? null,
	};
	return { kindJson: writeJson(kind, "file"), source: "file_upload", spanId: undefined };
}

function editedJson(value: unknown): string | undefined {
	return value === undefined ? undefined : writeJson(value, "edited_data");
}

function queuePage({ datasets }: Services, dataset: string | undefined, query: URLSearchParams): Response {
	const word = query.get("status") || undefined;
	const status = QUEUE_STATES.find((known) => known === word);
	if (word !== undefined && status === undefined) {
		throw new HttpError(400, "invalid_query", `query parameter status: must be one of ${QUEUE_STATES.join(", ")}`);
	}
	return page("queue", datasets.queue(dataset, status, parsePlace(query), parseLimit(query)));
}

function moved(result: object | "unknown" | "conflict"): Response {
	if (result === "unknown") throw unknown("queue item");
	if (result === "conflict") {
		throw new HttpError(409, "conflict", "queue item id: is claimed by somebody already, or not claimed yet, or done");
	}
	return jsonText(JSON.stringify(result));
}

function page<T>(name: string, { items, next, total }: RecordPage<T>): Response {
	const cursor = next === undefined ? null : Buffer.from(String(next)).toString("base64url");
	return jsonText(
		pageText(
			name,
			items.map((item) => JSON.stringify(item)),
			total,
			cursor,
		),
	);
}

function parsePlace(query: URLSearchParams): number {
	const text = query.get("cursor") || undefined;
	if (text === undefined) return 0;
	const place = Buffer.from(text, "base64url").toString("latin1");
	if (!/^\d{1,15}$/.test(place)) throw new HttpError(400, "invalid_cursor", "cursor: is not one that this server gave");
	return Number(place);
}

function unknown(what: string): HttpError {
	return new HttpError(404, "not_found", `${what} id: there is no such ${what}`);
}
