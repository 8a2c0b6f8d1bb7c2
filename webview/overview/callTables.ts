import { html, nothing } from "lit";
import { displayText } from "../../src/base/displayText.ts";
import { formatCost, formatDuration, UNKNOWN } from "../../src/base/quantity.ts";
import { formatAbsoluteTime, formatAge } from "../../src/model/format.ts";
import type { CallPreview, OverviewCall } from "../../src/model/overview.ts";
import type { CallAddress } from "../../src/protocol/overviewMessages.ts";
import { icon } from "../shared/icons.ts";
import { type Column, type DataTable, nameCell } from "./dataTable.ts";
import { words } from "./words.ts";

const MAX_TEXT = 250;

export interface CallContext {
	/** The source's clock, milliseconds since the epoch. */
	readonly nowMs: number;
	/** Texts of a call, from its own numbers or read since; undefined while they are not here. */
	previewOf(call: OverviewCall): CallPreview | undefined;
	open(call: CallAddress): void;
}

export function modelCallsTable(calls: readonly OverviewCall[], context: CallContext): DataTable<OverviewCall> {
	return {
		id: "modelCalls",
		title: words.tableModelCalls,
		rows: calls,
		omitted: 0,
		columns: [
			timeColumn(context),
			nameColumn(words.columnModel, words.noModel),
			textColumn(words.columnInput, context, (preview) => preview.input, true),
			outcomeColumn(context),
			{
				label: words.columnAgent,
				className: "name",
				cell: ({ agent }) => nameCell(agent, UNKNOWN),
				csv: ({ agent }) => agent,
			},
			{
				label: words.columnCost,
				isNumber: true,
				cell: ({ costUsd, isCostEstimated }) =>
					html`<span title=${isCostEstimated ? words.costEstimated : nothing}
						>${formatCost(costUsd ?? undefined, isCostEstimated)}</span
					>`,
				csv: ({ costUsd }) => costUsd,
			},
			durationColumn(),
		],
	};
}

export function toolCallsTable(calls: readonly OverviewCall[], context: CallContext): DataTable<OverviewCall> {
	return {
		id: "toolCalls",
		title: words.tableToolCalls,
		rows: calls,
		omitted: 0,
		columns: [
			timeColumn(context),
			nameColumn(words.columnTool, words.noTool),
			textColumn(words.columnParameters, context, (preview) => preview.input, true),
			outcomeColumn(context),
			textColumn(words.columnResult, context, (preview) => preview.output, false),
			durationColumn(),
		],
	};
}

function timeColumn({ nowMs }: CallContext): Column<OverviewCall> {
	return {
		label: words.columnTime,
		className: "time",
		cell: ({ startMs }) => {
			if (startMs === null) return UNKNOWN;
			const title = formatAbsoluteTime({ ms: Math.floor(startMs), subNs: 0 });
			return html`<span title=${title}>${formatAge(nowMs - startMs)}</span>`;
		},
		csv: ({ startMs }) => (startMs === null ? null : new Date(startMs).toISOString()),
	};
}

function nameColumn(label: string, none: string): Column<OverviewCall> {
	return {
		label,
		className: "name",
		cell: ({ name }) => nameCell(name, none),
		csv: ({ name }) => name,
	};
}

function durationColumn(): Column<OverviewCall> {
	return {
		label: words.columnDuration,
		isNumber: true,
		cell: ({ durationMs }) => formatDuration(durationMs === null ? undefined : durationMs * 1e6),
		csv: ({ durationMs }) => durationMs,
	};
}

/** A line of what went in or out; the one that names the call leads to its span. */
function textColumn(
	label: string,
	context: CallContext,
	read: (preview: CallPreview) => string | null,
	isLink: boolean,
): Column<OverviewCall> {
	return {
		label,
		className: "text",
		isName: isLink,
		cell: (call) => {
			const preview = context.previewOf(call);
			const text = preview === undefined ? undefined : read(preview);
			const shown = text === null || text === undefined ? undefined : displayText(text, MAX_TEXT);
			if (!isLink)
				return html`<bdi title=${shown ?? nothing}>${shown ?? (preview === undefined ? "…" : UNKNOWN)}</bdi>`;
			return html`<button class="link" title=${shown ?? words.openSpan} @click=${() => context.open(call)}>
				<bdi>${shown ?? (preview === undefined ? "…" : words.noText)}</bdi><span class="visually-hidden"> – ${words.openSpan}</span>
			</button>`;
		},
		csv: (call) => {
			const preview = context.previewOf(call);
			return preview === undefined ? null : read(preview);
		},
	};
}

function outcomeColumn(context: CallContext): Column<OverviewCall> {
	const detailOf = (call: OverviewCall) => call.error ?? context.previewOf(call)?.finishReason ?? null;
	return {
		label: words.columnOutcome,
		className: "outcome",
		cell: (call) => {
			const detail = detailOf(call);
			const text = detail === null ? undefined : displayText(detail, MAX_TEXT);
			const word = words[call.state];
			return html`<span class="state ${call.state}" title=${text ?? word}>
				${icon(call.state === "running" ? "sync" : call.state === "failed" ? "error" : "pass")}
				<span>${word}${text === undefined ? nothing : html`<span class="muted"> · <bdi>${text}</bdi></span>`}</span>
			</span>`;
		},
		csv: (call): string => [words[call.state], detailOf(call)].filter((part) => part !== null).join(": "),
	};
}

/** Calls of those that are shown whose texts are to be asked for. */
export function callsWithoutPreview(
	{ rows, shown }: DataTable<OverviewCall>,
	context: CallContext,
): readonly OverviewCall[] {
	return rows.slice(0, shown ?? rows.length).filter((call) => context.previewOf(call) === undefined);
}
