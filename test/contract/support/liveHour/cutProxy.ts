import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes bytes on to a server, until it cuts all connections at once as a network does that goes away. */
export class CutProxy {
	readonly #server: Server;
	readonly #sockets: Set<Socket>;

	private constructor(server: Server, sockets: Set<Socket>) {
		this.#server = server;
		this.#sockets = sockets;
	}

	static async start(target: string): Promise<CutProxy> {
		const { hostname, port } = new URL(target);
		const sockets = new Set<Socket>();
		const keep = (socket: Socket, other: Socket) => {
			sockets.add(socket);
			// A cut is no news to this side.
			socket.on("error", () => undefined);
			socket.on("close", () => {
				sockets.delete(socket);
				other.destroy();
			});
			socket.pipe(other);
		};
		const server = createServer((incoming) => {
			const outgoing = connect(Number(port), hostname);
			keep(incoming, outgoing);
			keep(outgoing, incoming);
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		return new CutProxy(server, sockets);
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	cut(): void {
		for (const socket of this.#sockets) socket.destroy();
	}

	dispose(): void {
		this.cut();
		this.#server.close();
	}
}
