import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { askWhatAnswers, type Verdict } from "../../sources/discovery.ts";
import { SOURCE_DEFINITIONS, type SourceDefinition } from "../../sources/registry.ts";
import type { SourceConfig } from "../../sources/source.ts";
import type { CommandContext } from "../commands/context.ts";
import { plainLabel } from "../plainMarkdown.ts";
import { addSourceEntry, readSources } from "../settings.ts";
import { type Access, askAccess } from "./addSourceAccess.ts";
import { hostOf, pickAddress } from "./addSourceAddress.ts";
import { type AskedAddress, pickAnswer, showAsking } from "./addSourceAnswer.ts";
import { freeId, freeName, LOCAL_SOURCE_ID } from "./sourceEntry.ts";
import { fetchFor } from "./sourceFetch.ts";

/** What is to be saved once its name is confirmed. */
interface FoundSource {
	readonly url: string;
	readonly definition: SourceDefinition;
	/** In a few words; undefined when nobody could be asked. */
	readonly found: string | undefined;
	readonly access: Access;
}

/**
 * Adds a source by its address: offers what answers on this machine, finds out what answers at an address that was typed, asks for
 * a token where one is wanted, and saves what was found under a name. Nothing is saved, the token neither, when any step is
 * cancelled.
 */
export async function addSource(context: CommandContext): Promise<void> {
	const fetch = await fetchFor({}, context.logger);
	let typed = "";
	for (;;) {
		const address = await pickAddress(context, fetch, typed);
		if (address === undefined) return;
		if ("sourceId" in address) {
			await context.manager.select(address.sourceId);
			return;
		}
		typed = address.typed;
		const source = await findOut(fetch, address.urls);
		if (source === "correct") continue;
		if (source !== undefined) await save(context, source);
		return;
	}
}

/** Undefined when cancelled, `correct` when the user wants to type another address. */
async function findOut(
	fetch: typeof globalThis.fetch,
	urls: readonly string[],
): Promise<FoundSource | "correct" | undefined> {
	const asked = await showAsking(urls, SOURCE_DEFINITIONS, (url, onVerdict, signal) =>
		askWhatAnswers(url, { fetch, onVerdict, signal }),
	);
	if (asked === undefined) return undefined;
	const { url, verdicts } = asked;
	const isLocked = !verdicts.some(({ outcome }) => outcome === "yes");
	const locked = verdicts.filter((verdict) => verdict.outcome === "needsToken");
	if (isLocked && locked.length > 0) return await unlock(fetch, url, locked);
	return await decide(asked, { token: undefined });
}

/** Asks for a token until it opens the door; every backend that might be behind it is asked again. */
async function unlock(
	fetch: typeof globalThis.fetch,
	url: string,
	locked: readonly Verdict[],
): Promise<FoundSource | "correct" | undefined> {
	let access: Access | undefined;
	for (;;) {
		const accessOptions = [...new Set(locked.flatMap(({ definition }) => definition.accessOptions ?? []))];
		access = await askAccess(url, accessOptions, access);
		if (access === undefined) return undefined;
		const wanted = Object.keys(access.options ?? {});
		const definitions = locked
			.map(({ definition }) => definition)
			.filter(({ accessOptions: known = [] }) => wanted.every((option) => known.some((one) => one === option)));
		const told = access;
		const asked = await showAsking([url], definitions, (at, onVerdict, signal) =>
			askWhatAnswers(at, { fetch, ...told, definitions, onVerdict, signal }),
		);
		if (asked === undefined) return undefined;
		const isRefused = asked.verdicts.some(({ outcome }) => outcome === "needsToken");
		const isOpen = asked.verdicts.some(({ outcome }) => outcome === "yes");
		if (isOpen || !isRefused) return await decide(asked, access);
	}
}

/** Of several answers the user picks one, and so he does where there is none. */
async function decide(asked: AskedAddress, access: Access): Promise<FoundSource | "correct" | undefined> {
	const { url, verdicts } = asked;
	const answers = verdicts.filter((verdict) => verdict.outcome === "yes");
	const [only] = answers;
	if (only !== undefined && answers.length === 1) {
		return { url, definition: only.definition, found: only.found, access };
	}
	const picked = await pickAnswer(asked);
	if (picked === undefined || picked === "correct") return picked;
	const found = picked.outcome === "yes" ? picked.found : undefined;
	return { url, definition: picked.definition, found, access };
}

async function save(context: CommandContext, { url, definition, found, access }: FoundSource): Promise<void> {
	const { manager, tokens } = context;
	const host = hostOf(url);
	const names = manager.configs.map((config) => config.name);
	const name = await vscode.window.showInputBox({
		title: vscode.l10n.t("Add Source: Name"),
		prompt:
			found === undefined
				? vscode.l10n.t("{0} at {1}. How shall it be called?", definition.label, host)
				: vscode.l10n.t(
						"Found {0} at {1} · {2}. How shall it be called?",
						definition.label,
						host,
						displayText(found, 100),
					),
		value: freeName(definition.label, host, names),
		ignoreFocusOut: true,
	});
	if (name === undefined) return;
	const taken = [LOCAL_SOURCE_ID, ...readSources().configs.map(({ id }) => id)];
	const config: SourceConfig = {
		id: freeId(host, taken),
		name: name.trim() || definition.label,
		type: definition.type,
		url,
		options: access.options,
	};
	await tokens.set(config.id, access.token);
	try {
		await addSourceEntry(config);
	} catch (error) {
		// Settings that cannot be written, as a file with an error in it: a token without its source would stay for ever.
		await tokens.set(config.id, undefined);
		throw error;
	}
	manager.reload();
	await manager.select(config.id);
	vscode.window.setStatusBarMessage(`$(check) ${plainLabel(vscode.l10n.t("Added {0}", config.name))}`, 3_000);
}
