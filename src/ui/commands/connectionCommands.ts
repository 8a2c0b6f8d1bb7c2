import * as vscode from "vscode";
import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import { TROUBLED } from "../sources/sourceStates.ts";
import type { CommandContext } from "./context.ts";
import { register, registerForRow } from "./register.ts";
import { pickSource, sourceOf } from "./sourcePick.ts";

export function registerConnectionCommands(context: CommandContext): Disposable[] {
	const { manager } = context;
	/** The source of a row, else the selected one. */
	const idOf = (argument: unknown) => sourceOf(context, argument)?.id ?? manager.active?.config.id;
	return [
		registerForRow(context, CommandId.connectionConnect, async (argument) => {
			const isOff = ({ id }: { readonly id: string }) => manager.connectionOf(id)?.isWanted !== true;
			const config = await pickSource(context, argument, manager.configs.filter(isOff), {
				placeHolder: vscode.l10n.t("Pick a source to connect"),
				empty: vscode.l10n.t("Every source is connected."),
			});
			if (config !== undefined) manager.connect(config.id);
		}),
		registerForRow(context, CommandId.connectionReconnect, (argument) => {
			const sourceId = idOf(argument);
			if (argument === TROUBLED) manager.reconnectTroubled();
			else if (sourceId === undefined) manager.start();
			else manager.reconnect(sourceId);
		}),
		registerForRow(context, CommandId.connectionDisconnect, (argument) => {
			const sourceId = idOf(argument);
			if (sourceId !== undefined) manager.disconnect(sourceId);
		}),
		register(context, CommandId.logShow, () => context.log.show()),
	];
}
