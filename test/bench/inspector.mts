import { createServer } from "node:net";
import { delay } from "./liveWindow.mts";

/** Where a Node that was told nothing else opens its inspector; VS Code passes no such option on to its extension host. */
const PORT = 9229;
const TIMEOUT_MS = 30_000;

interface Answer {
	readonly id?: number;
	readonly result?: unknown;
	readonly error?: { readonly message: string };
}

/** The inspector of a running Node process, by the Chrome DevTools Protocol. */
export class Inspector {
	readonly #socket: WebSocket;
	readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
	#nextId = 1;

	private constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => this.#handleAnswer(JSON.parse(String(data))));
		socket.addEventListener("close", () => {
			for (const { reject } of this.#waiting.values()) reject(new Error("the process closed its inspector"));
			this.#waiting.clear();
		});
	}

	/** Opens the inspector of a process by SIGUSR1 and connects to it. Not on Windows, which has no such signal. */
	static async attach(pid: number): Promise<Inspector> {
		await waitForPort();
		process.kill(pid, "SIGUSR1");
		const socket = new WebSocket(await address());
		await new Promise((resolve, reject) => {
			socket.addEventListener("open", resolve, { once: true });
			socket.addEventListener("error", () => reject(new Error(`no inspector on port ${PORT}`)), { once: true });
		});
		const inspector = new Inspector(socket);
		const there = await inspector.evaluate("process.pid");
		if (there === pid) return inspector;
		inspector.close();
		throw new Error(`the inspector on port ${PORT} belongs to process ${String(there)}, not to ${pid}`);
	}

	/** Value of an expression in the process's global scope, which has to survive JSON; a promise is awaited. */
	async evaluate(expression: string): Promise<unknown> {
		const answer = (await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true })) as {
			readonly result: { readonly value?: unknown };
			readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
		};
		const { exceptionDetails } = answer;
		if (exceptionDetails === undefined) return answer.result.value;
		throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
	}

	async send(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
		const id = this.#nextId++;
		const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		this.#socket.send(JSON.stringify({ id, method, params }));
		return await answer;
	}

	close(): void {
		this.#socket.close();
	}

	#handleAnswer({ id, result, error }: Answer): void {
		if (id === undefined) return;
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (error === undefined) waiting?.resolve(result);
		else waiting?.reject(new Error(error.message));
	}
}

/** Waits while another process has the port, which may be a debugger's own. */
async function waitForPort(): Promise<void> {
	const deadline = Date.now() + TIMEOUT_MS;
	while (!(await isFree())) {
		if (Date.now() > deadline) throw new Error(`port ${PORT} is taken, which the inspector needs`);
		await delay(500);
	}
}

async function isFree(): Promise<boolean> {
	const server = createServer();
	return await new Promise((resolve) => {
		server.once("error", () => resolve(false));
		server.listen(PORT, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}

/** Asks again until the process listens. */
async function address(): Promise<string> {
	const deadline = Date.now() + TIMEOUT_MS;
	for (;;) {
		try {
			const response = await fetch(`http://127.0.0.1:${PORT}/json/list`, { signal: AbortSignal.timeout(2000) });
			const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
			if (target !== undefined) return target.webSocketDebuggerUrl;
		} catch (cause) {
			if (Date.now() > deadline) throw new Error(`no inspector answers on port ${PORT}`, { cause });
		}
		await delay(50);
	}
}
