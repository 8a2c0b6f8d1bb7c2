import { finish, type Sliced } from "../../src/base/sliced.ts";
import type { HostToWaterfall, TraceHeader } from "../../src/protocol/messages.ts";
import { unpackColumns, unpackInSlices } from "../../src/protocol/packedColumns.ts";
import type { TimeBase, TraceColumns } from "../../src/protocol/traceColumns.ts";
import { Category, type CategoryCode, lookOfKind } from "../shared/kinds.ts";
import { AwaitedRoots } from "./awaitedRoots.ts";
import { type GroupFacts, GroupFactsCache } from "./groupFacts.ts";
import { TraceLayout } from "./layout.ts";
import { RowMarks } from "./rowMarks.ts";
import { SiblingGroups } from "./siblingGroups.ts";
import { isGroupCode, SpanTable } from "./spanTable.ts";
import { SubtreeEnds } from "./subtreeEnds.ts";
import { VisibleRows } from "./visibleRows.ts";

type Snapshot = Extract<HostToWaterfall, { readonly type: "trace/snapshot" }>;
type Delta = Extract<HostToWaterfall, { readonly type: "trace/delta" }>;

const NO_EXTENT = { startNs: Number.NaN, endNs: Number.NaN };

/** Fewer spans are opened in one go: less than a frame. */
const SLICED_SPANS = 20_000;

/** The open trace as the page knows it: columns, rows, folds and extent. Knows nothing of the screen. */
export class TraceModel {
	readonly sourceId: string;
	readonly base: TimeBase;
	readonly clockOffsetMs: number;
	readonly table = new SpanTable();
	readonly layout = new TraceLayout();
	readonly groups = new SiblingGroups(this.layout, this.table);
	readonly rows = new VisibleRows(this.layout, this.groups);
	/** Search and filter. */
	readonly marks = new RowMarks(this.table, this.layout, (ordinal) => this.category(ordinal));
	/** Roots that have not arrived. */
	readonly awaited = new AwaitedRoots(this.table, this.layout);
	header: TraceHeader;
	/** Grows with every change of spans: what was computed from an older one is stale. */
	version = 0;
	readonly #groupFacts = new GroupFactsCache();
	readonly #subtreeEnds = new SubtreeEnds();
	/** Ordinals of spans that were missing parents, by the code of their placeholder. */
	readonly #arrived = new Map<number, number>();
	#revision: number;
	#startNs = Number.POSITIVE_INFINITY;
	#endNs = Number.NEGATIVE_INFINITY;
	/** Category of a kind's string index, 255 while not looked up. */
	#categories = new Uint8Array(0);

	private constructor(snapshot: Snapshot) {
		this.sourceId = snapshot.sourceId;
		this.base = snapshot.base;
		this.clockOffsetMs = snapshot.clockOffsetMs;
		this.header = snapshot.header;
		this.awaited.setIds(snapshot.header.awaitedRootIds);
		this.#revision = snapshot.revision;
	}

	/** Undefined when the columns do not fit each other. */
	static fromSnapshot(snapshot: Snapshot): TraceModel | undefined {
		return finish(TraceModel.opening(snapshot));
	}

	/** The same in slices, for big traces. */
	static *opening(snapshot: Snapshot): Sliced<TraceModel | undefined> {
		const model = new TraceModel(snapshot);
		const { columns: packed } = snapshot;
		const count = "count" in packed ? packed.count : packed.ordinal.length;
		if (count < SLICED_SPANS) return model.#open(unpackColumns(packed)) ? model : undefined;
		const columns = yield* unpackInSlices(packed);
		if (model.table.apply(columns) === undefined) return undefined;
		yield;
		yield* model.layout.rebuildInSlices(model.table);
		yield;
		model.rows.update();
		yield;
		model.#extend(0);
		return model;
	}

	#open(columns: TraceColumns): boolean {
		if (this.table.apply(columns) === undefined) return false;
		this.layout.rebuild(this.table);
		this.rows.update();
		this.#extend(0);
		return true;
	}

	/** Returns false when the delta does not join what is here; then a snapshot is needed. */
	applyDelta(delta: Delta): boolean {
		// Sent before the snapshot that we have: it is in it already.
		if (delta.revision <= this.#revision) return true;
		if (delta.baseRevision !== this.#revision) return false;
		const change = this.table.apply(delta.columns);
		if (change === undefined) return false;
		this.#revision = delta.revision;
		this.header = delta.header;
		this.awaited.setIds(delta.header.awaitedRootIds);
		this.version++;
		this.#adoptPlaceholders(change.addedFrom);
		const isAppended = !change.isRestructured && this.layout.append(change.addedFrom);
		if (!isAppended) this.layout.rebuild(this.table);
		this.marks.didChangeSpans(delta.columns.ordinal, change.addedFrom);
		this.updateRows(isAppended ? this.#firstRowOf(delta.columns.ordinal) : 0);
		if (change.isRestructured) {
			this.#startNs = Number.POSITIVE_INFINITY;
			this.#endNs = Number.NEGATIVE_INFINITY;
			this.#extend(0);
		} else {
			this.#extend(change.addedFrom);
			for (const ordinal of delta.columns.ordinal) this.#extendBy(ordinal);
		}
		return true;
	}

	#firstRowOf(ordinals: Uint32Array): number {
		let first = this.layout.rowCount;
		for (const ordinal of ordinals) first = Math.min(first, this.layout.rowOf(ordinal));
		return first;
	}

	/** After a change of what is searched or filtered, too. Layout rows before `from` are as they were. */
	updateRows(from = 0): void {
		this.marks.update();
		this.rows.setWanted(this.marks.wanted);
		this.rows.update(from);
	}

	/** The span that a placeholder stood for, once it is here; any other node itself. */
	standIn(node: number): number {
		return this.#arrived.get(node) ?? node;
	}

	/** What was folded as a placeholder stays so as the span that takes its place. */
	#adoptPlaceholders(addedFrom: number): void {
		if (this.table.missingCount === 0) return;
		for (let ordinal = addedFrom; ordinal < this.table.count; ordinal++) {
			const placeholder = this.table.missingOf(this.table.idOf(ordinal));
			if (placeholder === undefined) continue;
			this.#arrived.set(placeholder, ordinal);
			if (!this.rows.isFolded(placeholder)) continue;
			this.rows.setFolded(placeholder, false);
			this.rows.setFolded(ordinal, true);
		}
	}

	/** Whether another model shows the same trace of the same source, maybe at another time. */
	isSameTrace(other: TraceModel | undefined): boolean {
		return this.sourceId === other?.sourceId && this.header.traceId === other.header.traceId;
	}

	/** What the host calls the state that is here. */
	get revision(): number {
		return this.#revision;
	}

	/** A span runs, or more has to come because a root is awaited. */
	get isRunning(): boolean {
		return this.table.runningCount > 0 || this.awaited.isAny;
	}

	/** Now by the clock of the server, nanoseconds from the base. */
	nowNs(): number {
		return (Date.now() + this.clockOffsetMs - this.base.ms) * 1e6 - this.base.subNs;
	}

	/** Earliest start; NaN while no span has one. */
	get startNs(): number {
		return Number.isFinite(this.#startNs) ? this.#startNs : Number.NaN;
	}

	/** Latest time of any span, and the present while one is running; NaN while no time is known. */
	endNs(nowNs: number): number {
		const end = this.isRunning ? Math.max(this.#endNs, nowNs) : this.#endNs;
		return Number.isFinite(end) && Number.isFinite(this.#startNs) ? end : Number.NaN;
	}

	/** Where a span ends: now for a running one, NaN for one that ended at an unknown time. */
	spanEndNs(ordinal: number, nowNs: number): number {
		const end = this.table.endNs[ordinal];
		if (!Number.isNaN(end) || this.table.state[ordinal] !== 0) return end;
		// A clock that is behind must not draw a bar backwards.
		return Math.max(nowNs, this.table.startNs[ordinal]);
	}

	/** NaN while unknown. */
	spanDurationNs(ordinal: number, nowNs: number): number {
		return this.spanEndNs(ordinal, nowNs) - this.table.startNs[ordinal];
	}

	/** Start and end of what a row stands for, NaN while unknown: of a span, or of all members of a group. */
	extent(node: number, nowNs: number): { readonly startNs: number; readonly endNs: number } {
		if (isGroupCode(node)) return this.groupFacts(node) ?? NO_EXTENT;
		return node < 0 ? NO_EXTENT : { startNs: this.table.startNs[node], endNs: this.spanEndNs(node, nowNs) };
	}

	/** Undefined for a node that is no group now. */
	groupFacts(node: number): GroupFacts | undefined {
		const members = this.rows.membersOfNode(node);
		return members === undefined ? undefined : this.#groupFacts.of(this, members);
	}

	/** When the last span below a row ends; NaN while unknown. */
	endBelow(row: number, nowNs: number): number {
		return this.#subtreeEnds.of(this, row, nowNs);
	}

	category(ordinal: number): CategoryCode {
		const index = this.table.kind[ordinal];
		if (index < 0) return Category.other;
		if (index >= this.#categories.length) {
			const longer = new Uint8Array(Math.max(64, (index + 1) * 2)).fill(255);
			longer.set(this.#categories);
			this.#categories = longer;
		}
		let category = this.#categories[index];
		if (category === 255) {
			category = lookOfKind(this.table.string(index)).category;
			this.#categories[index] = category;
		}
		return category as CategoryCode;
	}

	#extend(from: number): void {
		for (let ordinal = from; ordinal < this.table.count; ordinal++) this.#extendBy(ordinal);
	}

	#extendBy(ordinal: number): void {
		const start = this.table.startNs[ordinal];
		const end = this.table.endNs[ordinal];
		// Comparisons with NaN are false: what is unknown extends nothing.
		if (start < this.#startNs) this.#startNs = start;
		if (start > this.#endNs) this.#endNs = start;
		if (end > this.#endNs) this.#endNs = end;
	}
}
