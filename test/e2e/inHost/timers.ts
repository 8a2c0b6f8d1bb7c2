/** Watches the timers that files below `folder` start from now on; the rest of the host has its own. */
export class TimerWatch {
	readonly #pending = new Map<unknown, string>();
	readonly #original = { setTimeout, setInterval, clearTimeout, clearInterval };

	constructor(folder: string) {
		const pending = this.#pending;
		const original = this.#original;
		const watch = (name: "setTimeout" | "setInterval") => {
			const start = original[name] as (handler: () => void, ms?: number, ...rest: unknown[]) => unknown;
			return (handler: (...args: unknown[]) => void, ms?: number, ...rest: unknown[]) => {
				const stack = new Error(`${name}(${ms})`).stack ?? "";
				// Behind the message and this function stands who asked for the timer. VS Code's own, asked for by a call
				// that an extension made, are none of ours.
				const caller = stack.split("\n")[2] ?? "";
				if (!caller.includes(folder)) return start(handler as () => void, ms, ...rest);
				const timer = start(
					(...args: unknown[]) => {
						if (name === "setTimeout") pending.delete(timer);
						handler(...args);
					},
					ms,
					...rest,
				);
				pending.set(timer, stack);
				return timer;
			};
		};
		const clear = (end: (timer: never) => void) => (timer: unknown) => {
			pending.delete(timer);
			end(timer as never);
		};
		Object.assign(globalThis, {
			setTimeout: watch("setTimeout"),
			setInterval: watch("setInterval"),
			clearTimeout: clear(original.clearTimeout as (timer: never) => void),
			clearInterval: clear(original.clearInterval as (timer: never) => void),
		});
	}

	/** Where the timers that still wait were started. */
	get pending(): string[] {
		return [...this.#pending.values()];
	}

	restore(): void {
		Object.assign(globalThis, this.#original);
	}
}
