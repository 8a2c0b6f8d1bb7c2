import type { ViewState } from "../ids.ts";
import { needsToken } from "../indicator.ts";
import type { SourceConnection } from "../sources/sourceConnection.ts";

/** What a list of traces that shows `shown` of them has to say. */
export function viewStateOf(connection: SourceConnection, shown: number, isFiltered: boolean): ViewState {
	if (shown > 0) return "traces";
	const { status } = connection;
	switch (status.state.name) {
		case "failed":
			return needsToken(status.state.reason) ? "unauthorized" : "failed";
		case "idle":
		case "disposed":
			return "disconnected";
		case "connecting":
		case "waiting":
			if (connection.store.traceCount === 0) return connection.source === undefined ? "starting" : "connecting";
			break;
		case "open":
			if (!status.isLoaded && status.requestError === undefined) return "connecting";
	}
	if (isFiltered && connection.store.traceCount > 0) return "noMatch";
	return connection.isLocal ? "empty" : "emptyRemote";
}
