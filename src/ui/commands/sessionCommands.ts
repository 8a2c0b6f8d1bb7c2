import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { SessionArrangement } from "../sessions/sessionPick.ts";
import { sessionIdOf } from "../traces/traceNodes.ts";
import type { CommandContext } from "./context.ts";
import { register, registerForRow } from "./register.ts";

export function registerSessionCommands(context: CommandContext): Disposable[] {
	const arrangement: SessionArrangement = { sort: "recent", range: "all" };
	return [
		registerForRow(context, CommandId.sessionOpen, async (argument) => {
			const sessionId = sessionIn(argument) ?? sessionIn(await context.tracesView.selection());
			if (sessionId === undefined) {
				void vscode.window.showInformationMessage(vscode.l10n.t("Select a session in the Traces view first."));
			} else context.panels.openSession(context.manager.start(), sessionId);
		}),
		registerForRow(context, CommandId.sessionOverview, async (argument) => {
			const sessionId = sessionIn(argument) ?? sessionIn(await context.tracesView.selection());
			if (sessionId !== undefined) await context.overview.open(sessionId);
		}),
		register(context, CommandId.sessionPick, async () => {
			const { pickSession } = await import("../sessions/sessionPick.ts");
			const connection = context.manager.start();
			const picked = await pickSession(connection, arrangement);
			if (picked === undefined) return;
			if (picked.wantsOverview) await context.overview.open(picked.sessionId);
			else context.panels.openSession(connection, picked.sessionId, undefined, false);
		}),
	];
}

/** The session whose row this is; arguments come from menus, key bindings and other extensions. */
function sessionIn(argument: unknown): string | undefined {
	if (typeof argument !== "object" || argument === null) return undefined;
	const { kind, key, label } = argument as Record<string, unknown>;
	if (kind !== "group" || typeof key !== "string" || typeof label !== "string") return undefined;
	return sessionIdOf({ kind, key, label, traceIds: [] });
}
