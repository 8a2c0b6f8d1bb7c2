import { isSpanPart, type SpanDetailViewState, type SpanPart } from "../../src/protocol/messages.ts";
import type { FoldName } from "./context.ts";
import type { PartState } from "./partArrangement.ts";

/**
 * What the page keeps while it is hidden and over a reload: VS Code makes it anew each time it is shown. Which span, what the user
 * opened, folded and searched in it, and how far it was read; the span itself comes from the host.
 */
export interface PageState extends SpanDetailViewState {
	readonly folds: Readonly<Partial<Record<FoldName, boolean>>>;
	/** Pixels. */
	readonly scrollTop: number;
	/** Keys of what was unfolded one by one: messages, history, hints. */
	readonly expanded?: readonly string[];
	/** Parts that came cut and were loaded whole. */
	readonly whole?: readonly SpanPart[];
	readonly parts?: Readonly<Partial<Record<SpanPart, PartState>>>;
}

const FOLDS: readonly FoldName[] = [
	"input",
	"output",
	"attributes",
	"events",
	"links",
	"resource",
	"scope",
	"otel",
	"raw",
	"system",
	"reasoning",
	"text",
	"markdown",
	"messageTree",
];
export const MAX_EXPANDED = 300;
/** Each is asked for again when the page is shown. */
export const MAX_WHOLE_PARTS = 10;
const MAX_KEY_UNITS = 100;

/** What `getState` gave, if it is of this version's shape. */
export function checkedState(value: unknown): PageState | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	const { sourceId, traceId, spanId, folds, scrollTop, expanded, whole, parts } = value as Record<string, unknown>;
	if (typeof sourceId !== "string" || typeof traceId !== "string" || typeof spanId !== "string") return undefined;
	const known: Partial<Record<FoldName, boolean>> = {};
	if (typeof folds === "object" && folds !== null) {
		for (const name of FOLDS) {
			const isOpen = (folds as Record<string, unknown>)[name];
			if (typeof isOpen === "boolean") known[name] = isOpen;
		}
	}
	const keys = Array.isArray(expanded) ? expanded : [];
	return {
		sourceId,
		traceId,
		spanId,
		folds: known,
		scrollTop: typeof scrollTop === "number" && scrollTop >= 0 ? scrollTop : 0,
		expanded: keys
			.filter((key): key is string => typeof key === "string" && key.length <= MAX_KEY_UNITS)
			.slice(0, MAX_EXPANDED),
		whole: (Array.isArray(whole) ? whole : []).filter(isSpanPart).slice(0, MAX_WHOLE_PARTS),
		// Each part is looked at when it is restored.
		parts: typeof parts === "object" && parts !== null ? (parts as PageState["parts"]) : {},
	};
}
