import type { AddressInfo, Server, Socket } from "node:net";

/** A server on 127.0.0.1 that dies as a killed process does and comes back on the same port. */
export class MortalServer {
	readonly #make: () => Server;
	#server: Server | undefined;
	#port: number;
	readonly #sockets = new Set<Socket>();

	/**
	 * @param make a server that does not listen yet; called for each life.
	 * @param port 0 takes a free one, and keeps it.
	 */
	constructor(make: () => Server, port = 0) {
		this.#make = make;
		this.#port = port;
	}

	get port(): number {
		return this.#port;
	}

	/** Connections that stand. */
	get socketCount(): number {
		return this.#sockets.size;
	}

	async start(): Promise<void> {
		const server = this.#make();
		server.on("connection", (socket: Socket) => {
			this.#sockets.add(socket);
			socket.on("close", () => this.#sockets.delete(socket));
			// A client that goes away without a goodbye is what tests of faults are about.
			socket.on("error", () => undefined);
		});
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen(this.#port, "127.0.0.1", resolve);
		});
		this.#server = server;
		this.#port = (server.address() as AddressInfo).port;
	}

	/** Every connection breaks, the port is free. */
	async stop(): Promise<void> {
		const server = this.#server;
		this.#server = undefined;
		this.breakConnections();
		if (server !== undefined) await new Promise((resolve) => server.close(resolve));
	}

	breakConnections(): void {
		for (const socket of this.#sockets) socket.destroy();
	}
}
