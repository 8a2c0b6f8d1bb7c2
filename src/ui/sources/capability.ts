import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import { sourceDefinition } from "../../sources/registry.ts";
import { type Source, type SourceCapabilities, type SourceConfig, SourceError } from "../../sources/source.ts";
import type { SourceConnection } from "./sourceConnection.ts";
import type { SourceManager } from "./sourceManager.ts";

/** What a command may need of a source. Menus offer it only where it is there; keys and other extensions run it anywhere. */
export type Capability = keyof Pick<SourceCapabilities, "delete" | "files">;

/** The adapter, for something that not every backend can; throws one line on who cannot, and who can. */
export function sourceThatCan(manager: SourceManager, connection: SourceConnection, capability: Capability): Source {
	const source = connection.requireSource();
	if (source.capabilities[capability]) return source;
	const able = manager.connections.filter((other) => other.source?.capabilities[capability] === true);
	const others =
		able.length === 0
			? vscode.l10n.t("Traceway servers can.")
			: vscode.l10n.t("{0} can.", able.map(({ config }) => displayText(config.name, 40)).join(", "));
	throw new SourceError("unsupported", `${refusal(describeSource(connection.config), capability)} ${others}`);
}

/** The source's name with the product behind it: `Staging (Grafana Tempo)`. */
function describeSource({ name, type }: SourceConfig): string {
	return `${displayText(name, 40)} (${sourceDefinition(type)?.label ?? type})`;
}

function refusal(source: string, capability: Capability): string {
	switch (capability) {
		case "delete":
			return vscode.l10n.t("{0} cannot delete traces.", source);
		case "files":
			return vscode.l10n.t("{0} cannot export or import traces.", source);
	}
}
