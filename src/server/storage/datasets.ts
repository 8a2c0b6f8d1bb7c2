import { formatTimestamp, nowTimestamp } from "../../base/timestamp.ts";
import type { QueueState, WireDatapoint, WireDataset, WireFile, WireQueueItem } from "../../protocol/datasets.ts";
import { idFactory } from "../ids.ts";
import type { Statement } from "./database.ts";
import type { EventLog } from "./eventLog.ts";
import type { Store } from "./store.ts";

/** One page of a list by its order of making. */
export interface RecordPage<T> {
	readonly items: readonly T[];
	/** Where the next page begins; undefined at the end. */
	readonly next: number | undefined;
	readonly total: number;
}

/** What a datapoint is made of. */
export interface NewDatapoint {
	/** JSON. */
	readonly kindJson: string;
	readonly source: WireDatapoint["source"];
	readonly spanId: string | undefined;
}

/** Files looked at for one list: those of the newest spans. */
const MAX_FILE_SPANS = 10_000;

type Row = Readonly<Record<string, string | number | null>>;

/**
 * Datasets, their datapoints and the queue, in the database and event log of the traces. Small and rarely written, so plain rows:
 * what they hold is JSON that comes back as it was sent.
 */
export class Datasets {
	readonly #store: Store;
	readonly #makeId = idFactory();
	readonly #datasets: Statement;
	readonly #dataset: Statement;
	readonly #datapoints: Statement;
	readonly #datapoint: Statement;
	readonly #queue: Statement;
	readonly #item: Statement;

	constructor(store: Store) {
		this.#store = store;
		const { database } = store;
		const counted = "(SELECT count(*) FROM datapoints p WHERE p.dataset = d.id) AS points";
		this.#datasets = database.prepare(`SELECT d.*, ${counted} FROM datasets d ORDER BY d.ref DESC`);
		this.#dataset = database.prepare("SELECT * FROM datasets WHERE id = ?");
		this.#datapoints = database.prepare("SELECT * FROM datapoints WHERE dataset = ? AND ref > ? ORDER BY ref LIMIT ?");
		this.#datapoint = database.prepare("SELECT * FROM datapoints WHERE dataset = ? AND id = ?");
		this.#queue = database.prepare(
			`SELECT * FROM queue_items WHERE (? IS NULL OR dataset = ?) AND (? IS NULL OR status = ?)
			ORDER BY status <> 'pending', ref LIMIT ? OFFSET ?`,
		);
		this.#item = database.prepare("SELECT * FROM queue_items WHERE id = ?");
	}

	/** The newest first, with the number of their datapoints. */
	all(): readonly (WireDataset & { readonly datapoint_count: number })[] {
		return this.#datasets.all().map((row) => ({ ...datasetOf(row as Row), datapoint_count: Number(row.points) }));
	}

	find(id: string): WireDataset | undefined {
		const row = this.#dataset.get(id);
		return row === undefined ? undefined : datasetOf(row as Row);
	}

	create(name: string, description: string | undefined): Promise<WireDataset> {
		return this.#store.maintain((events) => {
			const now = nowText();
			const dataset = { id: this.#makeId(), name, ...(description === undefined ? {} : { description }) };
			const made: WireDataset = { ...dataset, created_at: now, updated_at: now };
			this.#store.database
				.prepare("INSERT INTO datasets (id, name, description, created_at, updated_at) VALUES (?, ?, ?, ?, ?)")
				.run(made.id, name, description ?? null, now, now);
			tell(events, "dataset_created", { dataset: made });
			return made;
		});
	}

	/** Undefined when there is no such dataset. */
	change(id: string, name: string | undefined, description: string | undefined): Promise<WireDataset | undefined> {
		return this.#store.maintain(() => {
			this.#store.database
				.prepare(
					"UPDATE datasets SET name = coalesce(?, name), description = coalesce(?, description), updated_at = ? WHERE id = ?",
				)
				.run(name ?? null, description ?? null, nowText(), id);
			return this.find(id);
		});
	}

	/** With its datapoints and what waits of them. False when there is none. */
	delete(id: string): Promise<boolean> {
		return this.#store.maintain((events) => {
			const { database } = this.#store;
			if (Number(database.prepare("DELETE FROM datasets WHERE id = ?").run(id).changes) === 0) return false;
			database.prepare("DELETE FROM datapoints WHERE dataset = ?").run(id);
			database.prepare("DELETE FROM queue_items WHERE dataset = ?").run(id);
			tell(events, "dataset_deleted", { dataset_id: id });
			return true;
		});
	}

	datapoints(dataset: string, after: number, limit: number): RecordPage<WireDatapoint> {
		const rows = this.#datapoints.all(dataset, after, limit + 1) as unknown as Row[];
		const total = Number(
			this.#store.database.prepare("SELECT count(*) AS n FROM datapoints WHERE dataset = ?").get(dataset)?.n,
		);
		const next = rows.length > limit ? Number(rows[limit - 1].ref) : undefined;
		return { items: rows.slice(0, limit).map(datapointOf), next, total };
	}

	datapoint(dataset: string, id: string): WireDatapoint | undefined {
		const row = this.#datapoint.get(dataset, id);
		return row === undefined ? undefined : datapointOf(row as Row);
	}

	/** In one transaction: a caller with many hands them over in parts. */
	addDatapoints(dataset: string, points: readonly NewDatapoint[]): Promise<readonly WireDatapoint[]> {
		return this.#store.maintain((events) => {
			const insert = this.#store.database.prepare(
				"INSERT INTO datapoints (id, dataset, kind, source, span, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			);
			return points.map(({ kindJson, source, spanId }) => {
				const kind: unknown = JSON.parse(kindJson);
				const base = { id: this.#makeId(), dataset_id: dataset, kind, source, created_at: nowText() };
				const made: WireDatapoint = spanId === undefined ? base : { ...base, source_span_id: spanId };
				insert.run(made.id, dataset, kindJson, source, spanId ?? null, made.created_at);
				tell(events, "datapoint_created", { datapoint: made });
				return made;
			});
		});
	}

	deleteDatapoint(dataset: string, id: string): Promise<boolean> {
		return this.#store.maintain(() => {
			const { database } = this.#store;
			const { changes } = database.prepare("DELETE FROM datapoints WHERE dataset = ? AND id = ?").run(dataset, id);
			database.prepare("DELETE FROM queue_items WHERE datapoint = ?").run(id);
			return Number(changes) > 0;
		});
	}

	/** Puts datapoints into the queue; those that the dataset does not have are left out. */
	enqueue(dataset: string, ids: readonly string[]): Promise<readonly WireQueueItem[]> {
		return this.#store.maintain((events) => {
			const insert = this.#store.database.prepare(
				`INSERT INTO queue_items (id, dataset, datapoint, status, original, created_at) VALUES (?, ?, ?, 'pending', ?, ?)`,
			);
			const made: WireQueueItem[] = [];
			for (const datapoint of ids) {
				const kind = (this.#datapoint.get(dataset, datapoint) as Row | undefined)?.kind;
				if (kind === undefined) continue;
				const id = this.#makeId();
				insert.run(id, dataset, datapoint, kind, nowText());
				made.push(this.#tellItem(events, id));
			}
			return made;
		});
	}

	/** Pending ones first, then by their order of coming. */
	queue(
		dataset: string | undefined,
		status: QueueState | undefined,
		from: number,
		limit: number,
	): RecordPage<WireQueueItem> {
		const [owner, state] = [dataset ?? null, status ?? null];
		const rows = this.#queue.all(owner, owner, state, state, limit + 1, from) as unknown as Row[];
		const total = Number(
			this.#store.database
				.prepare("SELECT count(*) AS n FROM queue_items WHERE (? IS NULL OR dataset = ?) AND (? IS NULL OR status = ?)")
				.get(owner, owner, state, state)?.n,
		);
		return { items: rows.slice(0, limit).map(itemOf), next: rows.length > limit ? from + limit : undefined, total };
	}

	claim(id: string, by: string | undefined): Promise<WireQueueItem | "unknown" | "conflict"> {
		return this.#move(id, "pending", "UPDATE queue_items SET status = 'claimed', claimed_by = ?, claimed_at = ?", [
			by ?? null,
			nowText(),
		]);
	}

	/** `editedJson` is what was made of it, undefined when it stays as it is. */
	submit(id: string, editedJson: string | undefined): Promise<WireQueueItem | "unknown" | "conflict"> {
		return this.#move(id, "claimed", "UPDATE queue_items SET status = 'completed', edited = ?", [editedJson ?? null]);
	}

	/** Versions of files that spans have written, the newest first. */
	async files(test: (path: string) => boolean): Promise<readonly WireFile[]> {
		const { columns, database } = this.#store;
		await columns.ready;
		const mask = columns.match([{ on: "kind", word: "fs_write" }]);
		const read = database.prepare(
			"SELECT id, kind, path, start_ms AS ms, start_sub AS sub FROM spans WHERE seq = ? AND path IS NOT NULL",
		);
		const files: WireFile[] = [];
		let looked = 0;
		for (let row = mask.length - 1; row >= 0 && looked < MAX_FILE_SPANS; row--) {
			if (mask[row] === 0) continue;
			looked++;
			const span = read.get(columns.seq[row]) as Row | undefined;
			if (span === undefined || !test(String(span.path))) continue;
			const kind = JSON.parse(String(span.kind ?? "{}")) as { file_version?: unknown; bytes_written?: unknown };
			files.push({
				hash: kind.file_version === undefined ? "" : String(kind.file_version),
				path: String(span.path),
				size: typeof kind.bytes_written === "number" ? kind.bytes_written : 0,
				created_at: formatTimestamp({ ms: Number(span.ms), subNs: Number(span.sub) }) ?? "",
				created_by_span: String(span.id),
			});
		}
		return files;
	}

	#move(
		id: string,
		from: QueueState,
		change: string,
		values: readonly (string | null)[],
	): Promise<WireQueueItem | "unknown" | "conflict"> {
		return this.#store.maintain((events) => {
			const { changes } = this.#store.database
				.prepare(`${change} WHERE id = ? AND status = ?`)
				.run(...values, id, from);
			if (Number(changes) > 0) return this.#tellItem(events, id);
			return this.#item.get(id) === undefined ? "unknown" : "conflict";
		});
	}

	#tellItem(events: EventLog, id: string): WireQueueItem {
		const item = itemOf(this.#item.get(id) as Row);
		tell(events, "queue_item_updated", { item });
		return item;
	}
}

function tell(events: EventLog, type: string, members: object): void {
	events.append(JSON.stringify({ type, ...members }));
}

function nowText(): string {
	return formatTimestamp(nowTimestamp()) ?? "";
}

function datasetOf(row: Row): WireDataset {
	const description = row.description === null ? {} : { description: String(row.description) };
	const times = { created_at: String(row.created_at), updated_at: String(row.updated_at) };
	return { id: String(row.id), name: String(row.name), ...description, ...times };
}

function datapointOf(row: Row): WireDatapoint {
	return {
		id: String(row.id),
		dataset_id: String(row.dataset),
		kind: JSON.parse(String(row.kind)),
		source: row.source as WireDatapoint["source"],
		...(row.span === null ? {} : { source_span_id: String(row.span) }),
		created_at: String(row.created_at),
	};
}

function itemOf(row: Row): WireQueueItem {
	return {
		id: String(row.id),
		dataset_id: String(row.dataset),
		datapoint_id: String(row.datapoint),
		status: row.status as QueueState,
		...(row.claimed_by === null ? {} : { claimed_by: String(row.claimed_by) }),
		...(row.claimed_at === null ? {} : { claimed_at: String(row.claimed_at) }),
		...(row.original === null ? {} : { original_data: JSON.parse(String(row.original)) }),
		...(row.edited === null ? {} : { edited_data: JSON.parse(String(row.edited)) }),
		created_at: String(row.created_at),
	};
}
