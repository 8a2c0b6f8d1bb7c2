import { writeSync } from "node:fs";
import { emitKeypressEvents, type Interface } from "node:readline";
import { DisposableStore, toDisposable } from "../../base/disposable.ts";
import { describeError } from "../../base/logger.ts";
import type { Key } from "./keys.ts";
import { openContext, openTrace } from "./openTrace.ts";
import { Screen, type Terminal } from "./screen.ts";
import type { MonitorSession } from "./session.ts";
import { guardTerminal } from "./terminalGuard.ts";
import { frameOf } from "./view.ts";

export interface FullScreenOptions {
	readonly session: MonitorSession;
	readonly env: NodeJS.ProcessEnv;
}

/** Shortest distance of two frames that events ask for; keys are answered at once. */
const FRAME_MS = 100;
/** Distance of the frames that the clock asks for, as in `tracellm monitor`. */
const TICK_MS = 250;
/** How long an Escape waits for the rest of a sequence. */
const ESCAPE_MS = 50;

/** How long a process may go on after it was asked to stop. */
const RESUME_MS = 200;

const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Shows the session on the whole terminal until a key or a signal ends it. The terminal is given back in any case. */
export async function runFullScreen({ session, env }: FullScreenOptions): Promise<void> {
	const { stdin, stdout } = process;
	const owned = new DisposableStore();
	const { promise: ended, resolve: end } = Promise.withResolvers<void>();
	const screen = new Screen(terminalOf(stdout), { hasColor: (env.NO_COLOR ?? "") === "" });
	const restore = () => {
		screen.close();
		if (stdin.isTTY) stdin.setRawMode(false);
	};
	owned.add(guardTerminal(restore));
	owned.add(toDisposable(restore));

	let isBehind = false;
	let drawnAtMs = 0;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let resumeTimer: ReturnType<typeof setTimeout> | undefined;
	const draw = () => {
		clearTimeout(timer);
		timer = undefined;
		// A slow terminal gets fewer frames, not a queue of them.
		if (isBehind || !screen.isOpen) return;
		drawnAtMs = Date.now();
		isBehind = !screen.draw(frameOf(session.view(drawnAtMs), stdout.columns, stdout.rows));
	};
	const drawSoon = () => {
		timer ??= setTimeout(draw, Math.max(0, drawnAtMs + FRAME_MS - Date.now()));
	};
	const ticker = setInterval(() => {
		if (session.isTicking) drawSoon();
	}, TICK_MS);
	owned.add(
		toDisposable(() => {
			clearTimeout(timer);
			clearTimeout(resumeTimer);
			clearInterval(ticker);
		}),
	);
	const enter = () => {
		if (stdin.isTTY) stdin.setRawMode(true);
		screen.open();
		screen.invalidate();
		draw();
	};
	const suspend = () => {
		if (process.platform === "win32") return;
		restore();
		process.kill(process.pid, "SIGTSTP");
		// The clock stands still until somebody continues the process. Where nobody could (the monitor is the terminal's only
		// program, as in VS Code), the system does not stop it, and it goes on here.
		resumeTimer = setTimeout(enter, RESUME_MS);
	};
	const open = async (traceId: string | undefined) => {
		if (traceId === undefined) {
			session.say("Select a trace first, with the arrow keys", "plain");
			return;
		}
		const problem = await openTrace(traceId, session.url, openContext(env)).catch(describeError);
		if (problem === undefined) session.say("Opened in VS Code", "good");
		else session.say(problem, "warning");
	};
	const handleKey = (text: string | undefined, key: { name?: string; ctrl?: boolean; meta?: boolean }) => {
		const effect = session.press(keyOf(text, key));
		if (effect === "quit") end();
		else if (effect === "suspend") suspend();
		else if (effect === "open") void open(session.selected);
		draw();
	};

	// Only the time that an Escape waits is read from the second argument; a real interface would read lines.
	emitKeypressEvents(stdin, { escapeCodeTimeout: ESCAPE_MS } as unknown as Interface);
	listen(owned, stdin, "keypress", handleKey);
	// The terminal is gone, or there never was a keyboard: then only signals end the monitor.
	if (stdin.isTTY) listen(owned, stdin, "end", end);
	listen(owned, stdout, "resize", () => {
		screen.invalidate();
		draw();
	});
	listen(owned, stdout, "drain", () => {
		isBehind = false;
		drawSoon();
	});
	listen(owned, process, "SIGCONT", enter);
	for (const signal of ENDING_SIGNALS) listen(owned, process, signal, () => end());
	owned.add(session.onDidChange(drawSoon));
	try {
		enter();
		if (stdin.isTTY) stdin.resume();
		await ended;
	} finally {
		owned.dispose();
		stdin.pause();
	}
	stdout.write("Monitor stopped.\n");
}

function keyOf(text: string | undefined, key: { name?: string; ctrl?: boolean; meta?: boolean }): Key {
	return { name: key.name, text, ctrl: key.ctrl === true, meta: key.meta === true };
}

function terminalOf(stdout: typeof process.stdout): Terminal {
	return {
		get columns() {
			return stdout.columns;
		},
		get rows() {
			return stdout.rows;
		},
		write: (text) => stdout.write(text),
		writeNow: (text) => {
			try {
				writeSync(stdout.fd, text);
			} catch {
				// The terminal is gone (a closed window, a lost connection): there is nothing left to give back.
			}
		},
	};
}

/** Listens until `owned` is disposed. */
function listen<A extends unknown[]>(
	owned: DisposableStore,
	emitter: NodeJS.EventEmitter,
	event: string,
	listener: (...args: A) => void,
): void {
	emitter.on(event, listener as (...args: unknown[]) => void);
	owned.add(toDisposable(() => emitter.off(event, listener as (...args: unknown[]) => void)));
}
