// The other side of a message, in a thread of its own: reads what comes, as a page would, and says that it has.
import { parentPort } from "node:worker_threads";
import { type PackedColumns, unpackColumns } from "../../../src/protocol/packedColumns.ts";
import type { TraceColumns } from "../../../src/protocol/traceColumns.ts";

parentPort?.on("message", (message: string | TraceColumns | PackedColumns) => {
	const spans =
		typeof message === "string" ? (JSON.parse(message) as unknown[]).length : unpackColumns(message).ordinal.length;
	parentPort?.postMessage(spans);
});
