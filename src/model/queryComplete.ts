import { FIXED_VALUES, formatValue, MAX_QUERY_LENGTH, QUERY_KEYS, scanTokens } from "./query.ts";
import type { TraceStore } from "./traceStore.ts";

/** Values that are worth offering, by key, best first. */
export type QueryValues = Readonly<Partial<Record<string, readonly string[]>>>;

/** Replace `text[from … to)` by `insert`, put the cursor behind it. Places are UTF-16 units. */
export interface Completion {
	readonly insert: string;
	/** What a list shows: the key with its colon, or the plain value. */
	readonly label: string;
	readonly from: number;
	readonly to: number;
}

const MAX_COMPLETIONS = 50;

/**
 * What may stand at the cursor: keys while a key is being typed, known values behind a colon; those that begin with what
 * stands before the cursor, then those that have it inside, case aside. At most 50. A completion replaces the whole of
 * the word under the cursor. Never throws; a cursor outside the text counts as its nearest end.
 */
export function completeQuery(text: string, cursor: number, values: QueryValues): readonly Completion[] {
	if (text.length > MAX_QUERY_LENGTH) return [];
	const at = Math.min(text.length, Math.max(0, Math.floor(cursor) || 0));
	const token = scanTokens(text).find(({ from, to }) => from <= at && at <= to);
	if (token === undefined) return keys("", at, at);
	if (token.key === undefined) {
		// A lone "-" is the beginning of a negated term.
		const from = token.value === "-" && !token.isNegated ? token.from + 1 : token.keyFrom;
		if (at < from || token.isQuoted) return [];
		return keys(text.slice(from, at), from, token.to);
	}
	if (at < token.valueFrom) return keys(text.slice(token.keyFrom, at), token.keyFrom, token.valueFrom);
	const typed = text.slice(token.valueFrom, at).replace(/^"/, "");
	const { key, valueFrom, to } = token;
	const candidates = [...new Set([...(FIXED_VALUES[key] ?? []), ...(values[key] ?? [])])].filter(
		(value) => value !== "",
	);
	return ranked(candidates, typed).map((value) => ({ insert: formatValue(value), label: value, from: valueFrom, to }));
}

function keys(typed: string, from: number, to: number): Completion[] {
	return ranked(QUERY_KEYS, typed).map((key) => ({ insert: `${key}:`, label: `${key}:`, from, to }));
}

function ranked(candidates: readonly string[], typed: string): string[] {
	const part = typed.toLowerCase();
	const isBeginning = (text: string) => text.toLowerCase().startsWith(part);
	const first = candidates.filter(isBeginning);
	const then = candidates.filter((text) => !isBeginning(text) && text.toLowerCase().includes(part));
	return [...first, ...then].slice(0, MAX_COMPLETIONS);
}

/** Longest value that is offered; a kilobyte of model name helps nobody. */
const MAX_VALUE_LENGTH = 200;

/**
 * The models, providers, kinds, services and sessions of a store for `completeQuery`: per key at most `limit`, most used
 * first, equals in alphabetical order.
 */
export function knownQueryValues(store: TraceStore, limit = MAX_COMPLETIONS): QueryValues {
	const counts = { model: new Count(), provider: new Count(), kind: new Count() };
	const services = new Map<string, number>();
	const sessions = new Map<string, number>();
	const c = store.columns;
	for (const entry of store.entries()) {
		for (const row of entry.rows) {
			counts.model.add(c.model[row]);
			counts.provider.add(c.provider[row]);
			counts.kind.add(c.kindName[row]);
		}
		if (entry.serviceName !== undefined) services.set(entry.serviceName, (services.get(entry.serviceName) ?? 0) + 1);
		const sessionId = store.summary(entry.traceId)?.sessionId;
		if (sessionId !== undefined) sessions.set(sessionId, (sessions.get(sessionId) ?? 0) + 1);
	}
	return {
		model: mostUsed(counts.model.byText(store), limit),
		provider: mostUsed(counts.provider.byText(store), limit),
		kind: mostUsed(counts.kind.byText(store), limit),
		service: mostUsed(services, limit),
		session: mostUsed(sessions, limit),
	};
}

/** Both lists of each key, the first one's values first, none twice; per key at most `limit`. Values that are too long are left out. */
export function joinQueryValues(first: QueryValues, second: QueryValues, limit = MAX_COMPLETIONS): QueryValues {
	const joined: Record<string, readonly string[] | undefined> = { ...first };
	for (const [key, values = []] of Object.entries(second)) {
		const usable = values.filter((text) => text !== "" && text.length <= MAX_VALUE_LENGTH);
		joined[key] = [...new Set([...(first[key] ?? []), ...usable])].slice(0, limit);
	}
	return joined;
}

/** Uses of interned strings, by their index. */
class Count {
	readonly #counts = new Map<number, number>();

	add(index: number): void {
		if (index >= 0) this.#counts.set(index, (this.#counts.get(index) ?? 0) + 1);
	}

	byText(store: TraceStore): Map<string, number> {
		return new Map([...this.#counts].map(([index, count]) => [store.strings.at(index) ?? "", count]));
	}
}

function mostUsed(counts: ReadonlyMap<string, number>, limit: number): readonly string[] {
	return [...counts]
		.filter(([text]) => text !== "" && text.length <= MAX_VALUE_LENGTH)
		.sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
		.slice(0, limit)
		.map(([text]) => text);
}
