import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import { DisposableStore } from "../../base/disposable.ts";
import type { Verdict } from "../../sources/discovery.ts";
import type { SourceDefinition } from "../../sources/registry.ts";
import { plainLabel } from "../plainMarkdown.ts";
import { hostOf } from "./addSourceAddress.ts";

/** What each kind of backend said of an address. */
export interface AskedAddress {
	readonly url: string;
	readonly verdicts: readonly Verdict[];
}

type Ask = (url: string, onVerdict: (verdict: Verdict) => void, signal: AbortSignal) => Promise<readonly Verdict[]>;

/**
 * Asks at one address after the other until something answers there that is known or wants a token, and shows what is asked and what
 * was said so far. Undefined when cancelled; what the first address said when none of them led anywhere.
 */
export async function showAsking(
	urls: readonly string[],
	definitions: readonly SourceDefinition[],
	ask: Ask,
): Promise<AskedAddress | undefined> {
	const owned = new DisposableStore();
	const abort = new AbortController();
	const pick = owned.add(vscode.window.createQuickPick());
	owned.add(pick.onDidHide(() => abort.abort()));
	pick.title = vscode.l10n.t("Add Source");
	pick.ignoreFocusOut = true;
	pick.busy = true;
	pick.enabled = false;
	let first: AskedAddress | undefined;
	try {
		for (const url of urls) {
			pick.placeholder = vscode.l10n.t("Asking {0} what it is. Esc cancels", displayText(url, 100));
			const verdicts = new Map<string, Verdict>();
			const show = () => {
				pick.items = definitions.map(({ type, label }) => ({
					label: `$(${verdictIcon(verdicts.get(type))}) ${plainLabel(label)}`,
					description: verdictText(verdicts.get(type)),
				}));
				// They tell, and cannot be picked.
				pick.activeItems = [];
			};
			show();
			pick.show();
			const onVerdict = (verdict: Verdict) => {
				verdicts.set(verdict.definition.type, verdict);
				show();
			};
			const asked = { url, verdicts: await ask(url, onVerdict, abort.signal) };
			if (asked.verdicts.some(({ outcome }) => outcome === "yes" || outcome === "needsToken")) return asked;
			first ??= asked;
		}
		return first;
	} catch (error) {
		if (isAbortError(error)) return undefined;
		throw error;
	} finally {
		owned.dispose();
	}
}

/** Which of several answers is meant; where there is none, what was tried, and what it shall be taken for. */
export async function pickAnswer({ url, verdicts }: AskedAddress): Promise<Verdict | "correct" | undefined> {
	const answers = verdicts.filter(({ outcome }) => outcome === "yes");
	const host = hostOf(url);
	const items: (vscode.QuickPickItem & { readonly choice?: Verdict | "correct" })[] = (
		answers.length > 0 ? answers : verdicts
	).map((verdict) => ({
		label: plainLabel(verdict.definition.label),
		description: verdictText(verdict),
		choice: verdict,
	}));
	if (answers.length === 0) {
		items.unshift(
			{
				label: `$(edit) ${vscode.l10n.t("Correct the Address")}`,
				description: displayText(url, 200),
				choice: "correct",
			},
			{ label: vscode.l10n.t("Add It Anyway As"), kind: vscode.QuickPickItemKind.Separator },
		);
	}
	const picked = await vscode.window.showQuickPick(items, {
		title: vscode.l10n.t("Add Source"),
		placeHolder:
			answers.length > 0
				? vscode.l10n.t("Several kinds of server answer at {0}. Which one is it?", host)
				: vscode.l10n.t("No known trace server answers at {0}", host),
		ignoreFocusOut: true,
		matchOnDescription: true,
	});
	return picked?.choice;
}

function verdictIcon(verdict: Verdict | undefined): string {
	switch (verdict?.outcome) {
		case undefined:
			return "loading~spin";
		case "yes":
			return "check";
		case "needsToken":
			return "key";
		case "no":
		case "silent":
			return "circle-slash";
	}
}

function verdictText(verdict: Verdict | undefined): string {
	switch (verdict?.outcome) {
		case undefined:
			return "";
		case "yes":
			return displayText(verdict.found, 100);
		case "needsToken":
			return vscode.l10n.t("wants a token");
		case "no":
			return vscode.l10n.t("something else answers");
		case "silent":
			return displayText(verdict.message, 160);
	}
}
