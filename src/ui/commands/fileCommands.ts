import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

/** Commands that write stored traces to files and read them back. What does the work is loaded when it is asked for. */
export function registerFileCommands(context: CommandContext): Disposable[] {
	return [
		register(context, CommandId.traceExport, async (argument) => {
			const { exportTraces } = await import("../traceTransfer.ts");
			await exportTraces(context, argument);
		}),
		register(context, CommandId.traceImport, async () => {
			const { importTraces } = await import("../traceTransfer.ts");
			await importTraces(context);
		}),
	];
}
