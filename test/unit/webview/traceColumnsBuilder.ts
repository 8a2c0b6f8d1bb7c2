import { SpanStateCode } from "../../../src/model/span.ts";
import type { TraceColumns } from "../../../src/protocol/traceColumns.ts";

/** One span of a test's trace; times in nanoseconds from the trace's base. */
export interface TestSpan {
	readonly id: string;
	/** Id of the parent, here or not; undefined for a root. */
	readonly parent?: string | undefined;
	readonly start?: number | undefined;
	/** Running when absent. */
	readonly end?: number | undefined;
	readonly isFailed?: boolean | undefined;
	readonly name?: string | undefined;
	readonly kind?: string | undefined;
	readonly model?: string | undefined;
	readonly error?: string | undefined;
	readonly inputTokens?: number | undefined;
	readonly outputTokens?: number | undefined;
	readonly costUsd?: number | undefined;
	readonly firstTokenNs?: number | undefined;
}

/** A trace on its way to a webview: keeps the ordinals by order of arrival, as the store does. */
export class TestTrace {
	readonly spans: TestSpan[] = [];
	readonly #ordinals = new Map<string, number>();

	/** Columns of these spans, new or known by their id, and of those that waited for one of them as parent. */
	add(spans: readonly TestSpan[]): TraceColumns {
		const changed = new Set<number>();
		for (const span of spans) {
			let ordinal = this.#ordinals.get(span.id);
			if (ordinal === undefined) {
				ordinal = this.spans.length;
				this.#ordinals.set(span.id, ordinal);
			}
			this.spans[ordinal] = span;
			changed.add(ordinal);
		}
		const added = new Set(spans.map((span) => span.id));
		for (let ordinal = 0; ordinal < this.spans.length; ordinal++) {
			const { parent } = this.spans[ordinal];
			if (parent !== undefined && added.has(parent)) changed.add(ordinal);
		}
		return this.#encode([...changed].sort((a, b) => a - b));
	}

	all(): TraceColumns {
		return this.#encode(this.spans.map((_, ordinal) => ordinal));
	}

	#encode(ordinals: readonly number[]): TraceColumns {
		const n = ordinals.length;
		const strings: string[] = [];
		const indexes = new Map<string, number>();
		const local = (text: string | undefined): number => {
			if (text === undefined) return -1;
			const known = indexes.get(text);
			if (known !== undefined) return known;
			indexes.set(text, strings.length);
			return strings.push(text) - 1;
		};
		const missingParentIds: string[] = [];
		const parentOf = (id: string | undefined): number => {
			if (id === undefined) return -1;
			const ordinal = this.#ordinals.get(id);
			if (ordinal !== undefined) return ordinal;
			const index = missingParentIds.indexOf(id);
			return -2 - (index >= 0 ? index : missingParentIds.push(id) - 1);
		};
		const ids = ordinals.map((ordinal) => new TextEncoder().encode(this.spans[ordinal].id));
		const idBytes = new Uint8Array(ids.reduce((sum, id) => sum + id.length, 0));
		const idEnd = new Uint32Array(n);
		let length = 0;
		for (const [i, id] of ids.entries()) {
			idBytes.set(id, length);
			length += id.length;
			idEnd[i] = length;
		}
		const rows = ordinals.map((ordinal) => this.spans[ordinal]);
		const stateOf = (span: TestSpan): number => {
			if (span.isFailed === true) return SpanStateCode.failed;
			return span.end === undefined ? SpanStateCode.running : SpanStateCode.completed;
		};
		return {
			ordinal: Uint32Array.from(ordinals),
			parent: Int32Array.from(rows, (span) => parentOf(span.parent)),
			startNs: Float64Array.from(rows, (span) => span.start ?? Number.NaN),
			endNs: Float64Array.from(rows, (span) => span.end ?? Number.NaN),
			state: Uint8Array.from(rows, stateOf),
			name: Int32Array.from(rows, (span) => local(span.name ?? span.id)),
			kind: Int32Array.from(rows, (span) => local(span.kind)),
			model: Int32Array.from(rows, (span) => local(span.model)),
			error: Int32Array.from(rows, (span) => local(span.error)),
			inputTokens: Float64Array.from(rows, (span) => span.inputTokens ?? Number.NaN),
			outputTokens: Float64Array.from(rows, (span) => span.outputTokens ?? Number.NaN),
			costUsd: Float64Array.from(rows, (span) => span.costUsd ?? Number.NaN),
			firstTokenNs: Float64Array.from(rows, (span) => span.firstTokenNs ?? Number.NaN),
			idBytes,
			idEnd,
			strings,
			missingParentIds,
		};
	}
}
