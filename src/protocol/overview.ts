import type { Overview } from "../model/overview.ts";

/**
 * `GET /api/analytics/overview`: the overview as the model has it, its keys in the words of the wire. Times are milliseconds
 * since the epoch, costs US dollars; unknown is null.
 */
export type WireOverview = Wire<Overview>;

/** `costByModel` → `cost_by_model`. */
type SnakeKey<Key extends string> = Key extends `${infer Letter}${infer Rest}`
	? `${Letter extends Lowercase<Letter> ? Letter : `_${Lowercase<Letter>}`}${SnakeKey<Rest>}`
	: Key;

type Wire<T> = T extends readonly (infer Item)[]
	? readonly Wire<Item>[]
	: T extends object
		? { readonly [Key in keyof T as SnakeKey<Key & string>]: Wire<T[Key]> }
		: T;

export function toWireOverview(overview: Overview): WireOverview {
	return snakeKeys(overview) as WireOverview;
}

function snakeKeys(value: unknown): unknown {
	if (Array.isArray(value)) return typeof value[0] === "object" ? value.map(snakeKeys) : value;
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, inner]) => [snakeKey(key), snakeKeys(inner)]));
}

function snakeKey(key: string): string {
	return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
