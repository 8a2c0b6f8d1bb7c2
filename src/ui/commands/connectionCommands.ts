import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

export function registerConnectionCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.connectionReconnect, () => {
			// The first use opens the connection, which is a first try already.
			if (context.manager.active === undefined) context.manager.start();
			else context.manager.active.reconnect();
		}),
		register(context, CommandId.connectionDisconnect, () => context.manager.active?.disconnect()),
		register(context, CommandId.logShow, () => context.log.show()),
	];
}
