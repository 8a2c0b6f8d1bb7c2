import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

export function registerLiveCommands(context: CommandContext): Disposable[] {
	const { liveView } = context;
	return [
		register(context, CommandId.liveShow, () => liveView.show()),
		register(context, CommandId.livePause, () => liveView.pause()),
		register(context, CommandId.liveResume, () => liveView.resume()),
	];
}
