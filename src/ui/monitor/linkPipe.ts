import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Disposable } from "../../base/disposable.ts";
import { describeError, type Logger } from "../../base/logger.ts";
import { MAX_LINK_BYTES, OPEN_PIPE_OK } from "../../protocol/traceUri.ts";

export interface LinkPipeOptions {
	/** Opens a link; resolves with undefined, or with one sentence on why it cannot be opened. */
	readonly open: (link: string) => Promise<string | undefined>;
	readonly logger: Logger;
}

/** A client has so long to send its line. */
const IDLE_MS = 5000;

/**
 * Takes links from programs in this window's terminals, also where no `code` command and no browser leads back to it: remote
 * windows, containers, VS Code in a browser. A socket in a folder of its own that only this user may enter; on Windows a
 * named pipe with a name that nobody can guess. One link a connection, one line each way.
 */
export class LinkPipe implements Disposable {
	readonly #options: LinkPipeOptions;
	readonly #sockets = new Set<Socket>();
	#opening: Promise<string> | undefined;
	#server: Server | undefined;
	#folder: string | undefined;
	#isDisposed = false;

	constructor(options: LinkPipeOptions) {
		this.#options = options;
	}

	/** Path of the pipe, which is opened when it is first asked for. */
	path(): Promise<string> {
		this.#opening ??= this.#listen();
		return this.#opening;
	}

	dispose(): void {
		this.#isDisposed = true;
		this.#server?.close();
		for (const socket of this.#sockets) socket.destroy();
		if (this.#folder !== undefined) {
			rm(this.#folder, { recursive: true, force: true }).catch((error: unknown) => {
				this.#options.logger.debug(`the folder of the link pipe stays: ${describeError(error)}`);
			});
		}
	}

	async #listen(): Promise<string> {
		let path = `\\\\.\\pipe\\traceway-${randomUUID()}`;
		if (process.platform !== "win32") {
			this.#folder = await mkdtemp(join(tmpdir(), "traceway-"));
			path = join(this.#folder, "links.sock");
		}
		const server = createServer((socket) => this.#serve(socket));
		this.#server = server;
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(path, resolve);
		});
		if (this.#isDisposed) this.dispose();
		return path;
	}

	#serve(socket: Socket): void {
		this.#sockets.add(socket);
		let text = "";
		socket.setEncoding("utf8").setTimeout(IDLE_MS, () => socket.destroy());
		socket.on("close", () => this.#sockets.delete(socket));
		socket.on("error", (error) => this.#options.logger.debug(`link pipe: ${error.message}`));
		socket.on("data", (part: string) => {
			text += part;
			const end = text.indexOf("\n");
			if (end < 0 && text.length <= MAX_LINK_BYTES) return;
			socket.removeAllListeners("data").pause();
			if (end < 0 || end > MAX_LINK_BYTES) socket.destroy();
			else void this.#answer(socket, text.slice(0, end));
		});
	}

	async #answer(socket: Socket, link: string): Promise<void> {
		// The mini-server may have to be found first.
		socket.setTimeout(0);
		const problem = await this.#options.open(link);
		socket.end(`${problem === undefined ? OPEN_PIPE_OK : problem.replace(/\s+/g, " ")}\n`);
	}
}
