import { hash } from "node:crypto";
import type { Database, Statement } from "./database.ts";

/** Numbers that are kept in memory between transactions. */
const MAX_CACHED = 2000;

/** Numbers for texts that many spans share, resources and scopes of OpenTelemetry. For use inside transactions only. */
export class SharedTexts {
	readonly #find: Statement;
	readonly #insert: Statement;
	readonly #cache = new Map<string, number>();

	constructor(database: Database) {
		this.#find = database.prepare("SELECT ref FROM texts WHERE hash = ?");
		this.#insert = database.prepare("INSERT INTO texts (hash, json) VALUES (?, ?)");
	}

	refOf(json: string | null): number | null {
		if (json === null) return null;
		return cached(this.#cache, json, () => {
			// Without collisions for all that is known: the text need not be compared.
			const digest = hash("sha256", json, "buffer").subarray(0, 20);
			const row = this.#find.get(digest);
			return Number(row === undefined ? this.#insert.run(digest, json).lastInsertRowid : row.ref);
		});
	}

	forget(): void {
		this.#cache.clear();
	}
}

/** Numbers for the ids of sessions. For use inside transactions only. */
export class Sessions {
	readonly #find: Statement;
	readonly #insert: Statement;
	readonly #cache = new Map<string, number>();

	constructor(database: Database) {
		this.#find = database.prepare("SELECT ref FROM sessions WHERE id = ?");
		this.#insert = database.prepare("INSERT INTO sessions (id) VALUES (?)");
	}

	refOf(id: string | null): number | null {
		if (id === null) return null;
		return cached(this.#cache, id, () => {
			const row = this.#find.get(id);
			return Number(row === undefined ? this.#insert.run(id).lastInsertRowid : row.ref);
		});
	}

	forget(): void {
		this.#cache.clear();
	}
}

/** Session that the tags of a trace name: `session_id:<X>` or `session:<X>` (reference, section 5). */
export function sessionOfTags(tagsJson: string): string | null {
	if (!tagsJson.includes("session")) return null;
	for (const tag of JSON.parse(tagsJson) as readonly string[]) {
		const id = /^session(?:_id)?:(.+)$/s.exec(tag)?.[1];
		if (id !== undefined) return id.toWellFormed();
	}
	return null;
}

function cached(cache: Map<string, number>, key: string, make: () => number): number {
	let ref = cache.get(key);
	if (ref === undefined) {
		ref = make();
		if (cache.size >= MAX_CACHED) cache.clear();
		cache.set(key, ref);
	}
	return ref;
}
