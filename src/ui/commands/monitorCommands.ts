import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

export function registerMonitorCommands(context: CommandContext): Disposable[] {
	return [register(context, CommandId.monitorOpen, () => context.monitor.show())];
}
