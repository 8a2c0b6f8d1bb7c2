import type { SpanSummary, TraceSummary } from "../../model/span.ts";

/** Rows of the traces tree. Each lives as long as what it shows, because VS Code knows rows by identity. */
export type TreeNode = GroupNode | TraceNode | SpanNode | PlaceholderNode | LoadMoreNode;

export interface GroupNode {
	readonly kind: "group";
	/** What the traces are grouped by, a space, and the group's key. */
	readonly key: string;
	readonly label: string;
	traceIds: readonly string[];
}

export interface TraceNode {
	readonly kind: "trace";
	readonly traceId: string;
}

export interface SpanNode {
	readonly kind: "span";
	readonly traceId: string;
	readonly spanId: string;
}

/** Stands for a parent span that was named but has not been received. */
export interface PlaceholderNode {
	readonly kind: "placeholder";
	readonly traceId: string;
	readonly spanId: string;
}

/** "Load more" below the rows of `parent`, or of the whole tree. */
export interface LoadMoreNode {
	readonly kind: "loadMore";
	readonly parentKey: string;
	shown: number;
	/** Undefined when the server may have more than is known. */
	total: number | undefined;
}

/** The stable id of a row, unique in the tree. */
export function nodeId(node: TreeNode): string {
	switch (node.kind) {
		case "group":
			return `group ${node.key}`;
		case "trace":
			return `trace ${node.traceId}`;
		case "span":
			return `span ${node.traceId} ${node.spanId}`;
		case "placeholder":
			return `missing ${node.traceId} ${node.spanId}`;
		case "loadMore":
			return `more ${node.parentKey}`;
	}
}

export const GROUPINGS = ["none", "session", "status", "service"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const SORTINGS = ["newest", "duration", "tokens", "cost", "name"] as const;
export type Sorting = (typeof SORTINGS)[number];

/** Key of the group that a trace belongs to; undefined collects the rest. */
export function groupKeyOf(summary: TraceSummary, grouping: Grouping): string | undefined {
	switch (grouping) {
		case "none":
			return "";
		case "session":
			return summary.sessionId;
		case "status":
			return summary.state;
		case "service":
			return summary.serviceName;
	}
}

/** The session that a group stands for; undefined for other groups, and for the traces without a session. */
export function sessionIdOf({ key, label }: GroupNode): string | undefined {
	return label !== "" && key === `session ${label}` ? label : undefined;
}

/** A running span counts as abandoned when its parent has ended, or when nothing of its trace moved for this long. */
const ABANDONED_AFTER_MS = 15 * 60_000;

export function isAbandoned(
	span: SpanSummary,
	parent: SpanSummary | undefined,
	changedAtMs: number,
	nowMs: number,
): boolean {
	if (span.state !== "running") return false;
	if (parent !== undefined && parent.state !== "running") return true;
	return nowMs - changedAtMs > ABANDONED_AFTER_MS;
}
