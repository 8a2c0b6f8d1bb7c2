/** Why a connection waits or failed; branch on this, never on text. */
export type ConnectionReason =
	| "network"
	| "timeout"
	| "stale"
	| "ended"
	| "serverError"
	| "rateLimited"
	| "unauthorized"
	| "forbidden"
	| "notFound"
	| "gone"
	| "noContent"
	| "contentType"
	| "protocol"
	| "disconnected";

/** The states of a connection; `waiting` is backoff with the time of the next try, `failed` needs a person. Times are epoch milliseconds. */
export type ConnectionState =
	| { readonly name: "idle" }
	| { readonly name: "connecting"; readonly attempt: number }
	| { readonly name: "open"; readonly sinceMs: number }
	| {
			readonly name: "waiting";
			readonly attempt: number;
			readonly retryAtMs: number;
			readonly reason: ConnectionReason;
			readonly message: string;
	  }
	| { readonly name: "failed"; readonly reason: ConnectionReason; readonly message: string }
	| { readonly name: "disposed" };
