import * as vscode from "vscode";
import { isAbortError } from "../../base/abort.ts";
import { displayText } from "../../base/displayText.ts";
import { DisposableStore } from "../../base/disposable.ts";
import { describeError } from "../../base/logger.ts";
import { isSameServer } from "../../protocol/traceUri.ts";
import { type LocalFinding, searchThisMachine, wellKnownPorts } from "../../sources/discovery.ts";
import type { CommandContext } from "../commands/context.ts";
import { plainLabel } from "../plainMarkdown.ts";
import { typedAddresses } from "./sourceAddress.ts";
import { LOCAL_SOURCE_ID } from "./sourceEntry.ts";

/** Addresses to ask, the likeliest first, with what was typed for them; or a source that is there already. */
export type PickedAddress =
	| { readonly typed: string; readonly urls: readonly string[] }
	| { readonly sourceId: string };

interface AddressItem extends vscode.QuickPickItem {
	readonly address?: PickedAddress;
}

/**
 * One box for the address: what answers on this machine is offered while it is looked for, anything else is typed. Undefined when
 * cancelled.
 */
export async function pickAddress(
	context: CommandContext,
	fetch: typeof globalThis.fetch,
	typed: string,
): Promise<PickedAddress | undefined> {
	const owned = new DisposableStore();
	const abort = new AbortController();
	const pick = owned.add(vscode.window.createQuickPick<AddressItem>());
	const findings: LocalFinding[] = [];
	const show = () => {
		pick.items = itemsOf(context, pick.value, findings, pick.busy);
	};
	pick.title = vscode.l10n.t("Add Source");
	pick.placeholder = vscode.l10n.t("Address of a trace server, for example http://127.0.0.1:3200");
	pick.ignoreFocusOut = true;
	pick.value = typed;
	pick.busy = true;
	searchThisMachine({
		fetch,
		signal: abort.signal,
		onFound: (finding) => {
			findings.push(finding);
			show();
		},
	})
		.catch((error: unknown) => {
			if (!isAbortError(error)) context.logger.warn(`search for local servers: ${describeError(error)}`);
		})
		.finally(() => {
			if (abort.signal.aborted) return;
			pick.busy = false;
			show();
		});
	try {
		return await new Promise<PickedAddress | undefined>((resolve) => {
			owned.add(pick.onDidChangeValue(show));
			owned.add(
				pick.onDidAccept(() => {
					// Enter right after a paste comes before the row of what was pasted is there.
					const address = pick.selectedItems[0]?.address ?? typedItem(context, pick.value).address;
					if (address !== undefined) resolve(address);
				}),
			);
			owned.add(pick.onDidHide(() => resolve(undefined)));
			show();
			pick.show();
		});
	} finally {
		abort.abort();
		owned.dispose();
	}
}

function itemsOf(
	context: CommandContext,
	value: string,
	findings: readonly LocalFinding[],
	isSearching: boolean,
): AddressItem[] {
	const items: AddressItem[] = value.trim() === "" ? [] : [typedItem(context, value)];
	items.push({ label: vscode.l10n.t("On This Machine"), kind: vscode.QuickPickItemKind.Separator });
	const found = findings.map((finding) => findingItem(context, finding));
	// What is new comes first.
	const isNew = ({ address }: AddressItem) => address !== undefined && "urls" in address;
	items.push(...found.filter(isNew), ...found.filter((item) => !isNew(item)));
	if (findings.length > 0) return items;
	const ports = wellKnownPorts().join(", ");
	items.push({
		label: isSearching
			? `$(loading~spin) ${vscode.l10n.t("Looking at the well-known ports…")}`
			: `$(info) ${vscode.l10n.t("No trace server answers on the well-known ports")}`,
		description: ports,
		alwaysShow: true,
	});
	return items;
}

function typedItem(context: CommandContext, value: string): AddressItem {
	const addresses = typedAddresses(value);
	if (!addresses.ok) {
		return {
			label: `$(warning) ${vscode.l10n.t("The address {0}", addresses.problem)}`,
			alwaysShow: true,
		};
	}
	const [url = ""] = addresses.urls;
	const sourceId = knownSource(context, url);
	return {
		label: `$(search) ${plainLabel(displayText(url, 200))}`,
		description:
			sourceId === LOCAL_SOURCE_ID
				? vscode.l10n.t("the mini-server, which is there already")
				: vscode.l10n.t("find out what answers there"),
		alwaysShow: true,
		address: sourceId === LOCAL_SOURCE_ID ? { sourceId } : { typed: value, urls: addresses.urls },
	};
}

function findingItem(context: CommandContext, { url, definition, found }: LocalFinding): AddressItem {
	const sourceId = knownSource(context, url);
	const source = context.manager.configs.find(({ id }) => id === sourceId);
	const label = source?.name ?? definition?.label ?? vscode.l10n.t("A server that wants a token");
	const facts =
		source === undefined
			? [hostOf(url), displayText(found, 100), vscode.l10n.t("found just now")]
			: [hostOf(url), vscode.l10n.t("a source already")];
	return {
		label: `$(${sourceId === undefined ? "server" : "check"}) ${plainLabel(label)}`,
		description: facts.filter((fact) => fact !== "").join(" · "),
		alwaysShow: true,
		address: sourceId === undefined ? { typed: url, urls: [url] } : { sourceId },
	};
}

/** The source at this address, the mini-server among them. */
function knownSource({ manager, miniServer }: CommandContext, url: string): string | undefined {
	const local = miniServer.info?.url;
	if (local !== undefined && isSameServer(local, url)) return LOCAL_SOURCE_ID;
	return manager.configs.find((config) => config.id !== LOCAL_SOURCE_ID && isSameServer(config.url, url))?.id;
}

export function hostOf(url: string): string {
	return URL.parse(url)?.host ?? url;
}
