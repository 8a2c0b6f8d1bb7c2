import { type Disposable, toDisposable } from "../../base/disposable.ts";

/**
 * Calls `restore` however the process ends: on a fault that nobody caught, before its message is written, so that it is
 * not lost with the alternate screen, and on every other exit. Signals that ask for an end are the caller's.
 */
export function guardTerminal(restore: () => void): Disposable {
	const handleFault = (error: unknown) => {
		restore();
		const text = error instanceof Error ? error.message || error.name : String(error);
		if (process.env.TRACEWAY_DEBUG === "1" && error instanceof Error) process.stderr.write(`${error.stack}\n`);
		process.stderr.write(`traceway-live: internal error: ${text}\n`);
		process.exit(1);
	};
	process.on("uncaughtException", handleFault);
	process.on("unhandledRejection", handleFault);
	process.on("exit", restore);
	return toDisposable(() => {
		process.off("uncaughtException", handleFault);
		process.off("unhandledRejection", handleFault);
		process.off("exit", restore);
	});
}
