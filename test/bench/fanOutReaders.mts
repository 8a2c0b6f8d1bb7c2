// Readers of fanOut.bench.mts in a process of their own: `node fanOutReaders.mts PORT COUNT STALLED`. They read and throw away; the
// last STALLED of them read nothing but the head. Prints "ready" when all are connected; the line "bytes" prints what has come so
// far. Ends with its input.
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const [port, count, stalled] = process.argv.slice(2).map(Number);
let bytes = 0;
await Promise.all(
	Array.from({ length: count }, async (_, index) => {
		const isStalled = index >= count - stalled;
		const socket = connect({
			port,
			host: "127.0.0.1",
			onread: {
				buffer: Buffer.alloc(64 * 1024),
				callback: (size) => {
					if (bytes === 0 || size > 0) bytes += size;
					if (isStalled) socket.pause();
					socket.emit("bytes");
					return !isStalled;
				},
			},
		});
		socket.on("error", () => socket.destroy());
		await once(socket, "connect");
		socket.write(`GET /api/events${isStalled ? "?stalled" : ""} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
		await once(socket, "bytes");
	}),
);
console.log("ready");
createInterface({ input: process.stdin })
	.on("line", () => console.log(bytes))
	.on("close", () => process.exit(0));
