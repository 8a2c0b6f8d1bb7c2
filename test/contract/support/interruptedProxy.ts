import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** An honest proxy in front of a server, which refuses the event stream (503) as long as it is told to. */
export async function startInterruptedProxy(target: string) {
	const state = { isStreamRefused: true };
	const server = createServer((incoming, outgoing) => {
		if (state.isStreamRefused && incoming.url?.startsWith("/api/events")) {
			outgoing.writeHead(503).end();
			return;
		}
		const { host: _host, ...headers } = incoming.headers;
		const forwarded = request(`${target}${incoming.url}`, { method: incoming.method, headers }, (answer) => {
			outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(outgoing);
		});
		forwarded.on("error", () => outgoing.destroy());
		outgoing.on("close", () => forwarded.destroy());
		incoming.pipe(forwarded);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
}
