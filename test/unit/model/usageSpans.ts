import { isSameModel, nanoUsd, type UsageRows } from "../../../src/model/usage.ts";

/** A span as tests of sums write it; null is unknown. */
export interface UsageSpan {
	readonly id: string;
	readonly parentId: string | null;
	readonly input: number | null;
	readonly output: number | null;
	readonly cacheRead: number | null;
	/** US dollars. */
	readonly cost: number | null;
	readonly isRollup: boolean;
	readonly model: string | null;
}

export function usageRowsOf(spans: readonly UsageSpan[]): UsageRows {
	const rowOf = new Map(spans.map(({ id }, row) => [id, row]));
	const column = (read: (span: UsageSpan) => number | null) =>
		Float64Array.from(spans, (span) => read(span) ?? Number.NaN);
	const unknown = new Float64Array(spans.length).fill(Number.NaN);
	return {
		count: spans.length,
		parentRow: Int32Array.from(spans, ({ parentId }) => (parentId === null ? -1 : (rowOf.get(parentId) ?? -1))),
		input: column(({ input }) => input),
		output: column(({ output }) => output),
		cacheRead: column(({ cacheRead }) => cacheRead),
		cacheWrite: unknown,
		reasoning: unknown,
		costNano: column(({ cost }) => (cost === null ? null : nanoUsd(cost))),
		isRollup: Uint8Array.from(spans, ({ isRollup }) => Number(isRollup)),
		model: spans.map(({ model }) => model),
	};
}

/** The rule as it reads, by recursion over lists: ids of the spans that count. For small forests. */
export function naiveCounts(spans: readonly UsageSpan[]): Set<string> {
	const byId = new Map(spans.map((span) => [span.id, span]));
	const isOnCircle = (span: UsageSpan): boolean => {
		let at: UsageSpan | undefined = span;
		for (let step = 0; step < spans.length && at !== undefined; step++) {
			at = at.parentId === null ? undefined : byId.get(at.parentId);
			if (at === span) return true;
		}
		return false;
	};
	const childrenOf = (span: UsageSpan) =>
		spans.filter((one) => one.parentId === span.id && byId.get(span.id) === span && !isOnCircle(one));
	const hasUsage = ({ input, output, cacheRead, cost }: UsageSpan) =>
		[input, output, cacheRead, cost].some((value) => value !== null);
	const allBelow = (span: UsageSpan): UsageSpan[] => childrenOf(span).flatMap((child) => [child, ...allBelow(child)]);
	const countingBelow = (span: UsageSpan): UsageSpan[] =>
		childrenOf(span).flatMap((child) => [
			...countingBelow(child),
			...(hasUsage(child) && !isRepeating(child) ? [child] : []),
		]);
	const sum = (values: readonly (number | null)[]) => {
		const known = values.filter((value) => value !== null);
		return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
	};
	const isRepeating = (span: UsageSpan): boolean => {
		if (!hasUsage(span)) return false;
		if (span.isRollup) return allBelow(span).some(hasUsage);
		const { input, output, model } = span;
		if (input === null || output === null || (input === 0 && output === 0)) return false;
		const parts = countingBelow(span);
		if (sum(parts.map((part) => part.input)) !== input || sum(parts.map((part) => part.output)) !== output)
			return false;
		const models = new Set(parts.map((part) => part.model).filter((name) => name !== null));
		const [only] = models;
		return model === null || models.size !== 1 || isSameModel(model, only);
	};
	return new Set(spans.filter((span) => !isRepeating(span)).map(({ id }) => id));
}
