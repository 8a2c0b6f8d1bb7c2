import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { DisposableStore } from "../../base/disposable.ts";
import { formatAge, formatCost, formatDuration, formatTokens } from "../../model/format.ts";
import {
	type ListedSession,
	type SessionSummary,
	StoreSessions,
	sessionDurationNs,
} from "../../model/sessionSummary.ts";
import { totalTokens } from "../../model/span.ts";
import { SourceError } from "../../sources/source.ts";
import { plainLabel } from "../plainMarkdown.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";
import { stateIcon } from "../traces/traceItems.ts";
import {
	listSessions,
	mergeSessions,
	nextOf,
	SESSION_RANGES,
	SESSION_SORTS,
	type SessionRange,
	type SessionSort,
	sinceOf,
} from "./sessionList.ts";

/** Rows of the list; more are found by range and sorting, not by scrolling. */
const MAX_ROWS = 500;
const REQUEST_TIMEOUT_MS = 60_000;
/** The server is asked when one has stopped typing. */
const TYPING_MS = 250;

/** How the list was arranged last; kept while the window lives. */
export interface SessionArrangement {
	sort: SessionSort;
	range: SessionRange;
}

/** A session that was picked, and what of it. */
export interface PickedSession {
	readonly sessionId: string;
	/** Its overview rather than its waterfall. */
	readonly wantsOverview: boolean;
}

interface SessionItem extends vscode.QuickPickItem {
	/** Undefined for the row that reads older traces. */
	readonly sessionId: string | undefined;
}

/**
 * Lets the user pick a session, of the traces that are here and of those that only the server has; text is looked for in ids,
 * models and agents, too. Undefined when nothing was picked.
 */
export async function pickSession(
	connection: SourceConnection,
	arrangement: SessionArrangement,
): Promise<PickedSession | undefined> {
	const owned = new DisposableStore();
	const pick = owned.add(vscode.window.createQuickPick<SessionItem>());
	const sessions = new StoreSessions(connection.store);
	/** By id. */
	const told = new Map<string, ListedSession>();
	let knowsSessions = true;
	pick.title = vscode.l10n.t("Open Session");
	pick.matchOnDescription = true;
	pick.matchOnDetail = true;
	const update = (): void => {
		const nowMs = Date.now() + connection.status.clockOffsetMs;
		const known = mergeSessions(sessions.all(nowMs), [...told.values()]);
		const listed = listSessions(known, arrangement.sort, arrangement.range, nowMs);
		const items = listed.slice(0, MAX_ROWS).map((session) => itemOf(session, nowMs));
		pick.placeholder =
			items.length === 0
				? vscode.l10n.t("No session: {0}", rangeText(arrangement.range))
				: vscode.l10n.t("Pick a session: {0}, {1}", rangeText(arrangement.range), sortText(arrangement.sort));
		pick.buttons = buttonsOf(arrangement);
		// Where the server lists its sessions, there is no need to read traces for that.
		const hasOlder = !knowsSessions && connection.source?.hasMore === true;
		pick.items = hasOlder ? [...items, olderItem()] : items;
	};
	let typing: ReturnType<typeof setTimeout> | undefined;
	let asking: AbortController | undefined;
	owned.add({ dispose: () => asking?.abort() });
	owned.add({ dispose: () => clearTimeout(typing) });
	/** What the server has beyond what is here, for the arrangement and the text as they are now; ends the question before. */
	const ask = async (): Promise<void> => {
		if (!knowsSessions) return;
		asking?.abort();
		const own = new AbortController();
		asking = own;
		const signal = AbortSignal.any([own.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
		pick.busy = true;
		try {
			const source = await connection.whenSource(signal);
			const nowMs = Date.now() + connection.status.clockOffsetMs;
			const { sort, range } = arrangement;
			const query = { sort, sinceMs: sinceOf(range, nowMs), search: pick.value.trim(), limit: MAX_ROWS };
			for (const session of await source.listSessions(query, signal)) told.set(session.sessionId, session);
		} catch (error) {
			// What is here is listed all the same; of a server that is away the status bar tells.
			knowsSessions = !(error instanceof SourceError && ["unsupported", "notFound"].includes(error.reason));
		}
		if (own.signal.aborted) return;
		pick.busy = false;
		update();
	};
	const readOlder = async (): Promise<void> => {
		pick.busy = true;
		try {
			await connection.requireSource().loadMore(AbortSignal.timeout(REQUEST_TIMEOUT_MS));
			update();
		} finally {
			pick.busy = false;
		}
	};
	try {
		return await new Promise<PickedSession | undefined>((resolve, reject) => {
			owned.add(
				pick.onDidTriggerButton((button) => {
					if (button.iconPath === SORT_ICON) arrangement.sort = nextOf(SESSION_SORTS, arrangement.sort);
					else arrangement.range = nextOf(SESSION_RANGES, arrangement.range);
					update();
					void ask();
				}),
			);
			owned.add(
				pick.onDidChangeValue(() => {
					clearTimeout(typing);
					typing = setTimeout(() => void ask(), TYPING_MS);
				}),
			);
			owned.add(
				pick.onDidAccept(() => {
					const [item] = pick.selectedItems;
					if (item === undefined) return;
					if (item.sessionId !== undefined) resolve({ sessionId: item.sessionId, wantsOverview: false });
					else readOlder().catch(reject);
				}),
			);
			owned.add(
				pick.onDidTriggerItemButton(({ item: { sessionId } }) => {
					if (sessionId !== undefined) resolve({ sessionId, wantsOverview: true });
				}),
			);
			owned.add(pick.onDidHide(() => resolve(undefined)));
			update();
			pick.show();
			void ask();
		});
	} finally {
		owned.dispose();
	}
}

const SORT_ICON = new vscode.ThemeIcon("list-ordered");
const OVERVIEW_ICON = new vscode.ThemeIcon("graph");
const RANGE_ICON = new vscode.ThemeIcon("history");

function buttonsOf({ sort, range }: SessionArrangement): vscode.QuickInputButton[] {
	return [
		{
			iconPath: RANGE_ICON,
			tooltip: vscode.l10n.t("Range: {0}. Change to {1}", rangeText(range), rangeText(nextOf(SESSION_RANGES, range))),
		},
		{
			iconPath: SORT_ICON,
			tooltip: vscode.l10n.t("Order: {0}. Change to {1}", sortText(sort), sortText(nextOf(SESSION_SORTS, sort))),
		},
	];
}

function itemOf(session: SessionSummary | ListedSession, nowMs: number): SessionItem {
	const durationNs = sessionDurationNs(session, nowMs);
	const tokens = totalTokens(session.inputTokens, session.outputTokens);
	const facts = [
		session.isOpen ? vscode.l10n.t("Live") : undefined,
		failedText(session),
		durationNs === undefined ? undefined : formatDuration(durationNs),
		tokens === undefined ? undefined : vscode.l10n.t("{0} tok", formatTokens(tokens)),
		session.costUsd === undefined ? undefined : formatCost(session.costUsd, session.isCostEstimated),
		session.start === undefined ? undefined : formatAge(nowMs - session.start.ms),
	];
	const calls = [
		session.traceCount === 1 ? vscode.l10n.t("1 trace") : vscode.l10n.t("{0} traces", session.traceCount),
		session.modelCalls === undefined ? undefined : vscode.l10n.t("{0} LLM", session.modelCalls),
		session.toolCalls === undefined ? undefined : vscode.l10n.t("{0} tool", session.toolCalls),
		...[...(session.agents ?? []), ...(session.models ?? [])].map((name) => displayText(name, 60)),
	];
	return {
		label: plainLabel(displayText(session.sessionId, 100)),
		description: facts.filter((fact) => fact !== undefined).join(" · "),
		detail: plainLabel(calls.filter((fact) => fact !== undefined).join(" · ")),
		iconPath: stateIcon(session.isOpen && session.state !== "failed" ? "running" : session.state),
		buttons: [{ iconPath: OVERVIEW_ICON, tooltip: vscode.l10n.t("Open Overview of Session") }],
		sessionId: session.sessionId,
	};
}

/** Failed spans of a session that is here, failed traces of one that a server told of. */
function failedText(session: SessionSummary | ListedSession): string | undefined {
	const isHere = "failedCount" in session;
	const count = isHere ? session.failedCount : session.failedTraces;
	if (count === 0) return undefined;
	return isHere ? vscode.l10n.t("{0} failed", count) : vscode.l10n.t("{0} traces failed", count);
}

function olderItem(): SessionItem {
	return {
		label: vscode.l10n.t("Load Older Traces"),
		iconPath: new vscode.ThemeIcon("ellipsis"),
		alwaysShow: true,
		sessionId: undefined,
	};
}

function rangeText(range: SessionRange): string {
	switch (range) {
		case "1h":
			return vscode.l10n.t("last hour");
		case "6h":
			return vscode.l10n.t("last 6 hours");
		case "24h":
			return vscode.l10n.t("last 24 hours");
		case "all":
			return vscode.l10n.t("all time");
	}
}

function sortText(sort: SessionSort): string {
	switch (sort) {
		case "recent":
			return vscode.l10n.t("newest first");
		case "cost":
			return vscode.l10n.t("highest cost first");
		case "duration":
			return vscode.l10n.t("longest first");
		case "tokens":
			return vscode.l10n.t("most tokens first");
	}
}
