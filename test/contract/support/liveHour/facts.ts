import { nanoUsd } from "../../../../src/model/usage.ts";

/**
 * What one place says, number by number: key is what it is about and the name of the number, as in "model gpt-4o: calls".
 * Costs are whole nano-dollars. What is not known is 0 here, as some answers say it so.
 */
export type Facts = Map<string, number | string>;

/** The sums that most places tell; those that one does not tell are left out. */
export interface Sums {
	readonly traces?: number | undefined;
	readonly spans?: number | undefined;
	readonly running?: number | undefined;
	readonly failed?: number | undefined;
	readonly failedTraces?: number | undefined;
	readonly calls?: number | undefined;
	readonly succeeded?: number | undefined;
	readonly inputTokens?: number | null | undefined;
	readonly outputTokens?: number | null | undefined;
	readonly tokens?: number | null | undefined;
	readonly costUsd?: number | null | undefined;
	readonly latencyNs?: number | undefined;
	readonly state?: string | undefined;
}

export function addSums(facts: Facts, about: string, sums: Sums): void {
	for (const [name, value] of Object.entries(sums)) {
		if (value === undefined) continue;
		if (name === "costUsd") facts.set(`${about}: cost`, nanoUsd(value ?? 0));
		else facts.set(`${about}: ${name}`, value ?? 0);
	}
}

/**
 * Compares what a place says with the truth: every number, and, where it is about all of them, that it leaves out none of the
 * things that it is about (of the traces, of the models …). Returns a line for each difference.
 */
export function differences(place: string, said: Facts, truth: Facts, isOfAll = true): string[] {
	const problems: string[] = [];
	for (const [key, value] of said) {
		const expected = truth.get(key);
		if (expected !== value)
			problems.push(`${place}: ${key} is ${value}, and by the database ${expected ?? "not there"}`);
	}
	if (!isOfAll) return problems;
	const kinds = new Set([...said.keys()].map(kindOf));
	for (const key of truth.keys()) {
		if (kinds.has(kindOf(key)) && !said.has(key)) problems.push(`${place}: ${key} is missing`);
	}
	return problems;
}

/** "model gpt-4o: calls" → "model: calls" */
function kindOf(key: string): string {
	return `${key.slice(0, key.indexOf(" "))}${key.slice(key.lastIndexOf(":"))}`;
}
