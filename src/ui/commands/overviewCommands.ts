import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

export function registerOverviewCommands(context: CommandContext): Disposable[] {
	return [register(context, CommandId.overviewOpen, () => context.overview.open())];
}
