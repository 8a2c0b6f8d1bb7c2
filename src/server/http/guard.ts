import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { HttpError } from "../errors.ts";

export interface GuardOptions {
	/** Address that was asked for, e.g. `127.0.0.1`, `0.0.0.0`, `::1`, `build-host`. */
	readonly host: string;
	readonly token: string | undefined;
}

/** What the guard looks at; calls by gRPC have it, too. */
type CheckedRequest = Pick<IncomingMessage, "method" | "url" | "headers">;

/** True for names and addresses that only this machine can mean: `localhost`, `*.localhost`, `127.0.0.0/8`, `::1`. */
export function isLoopbackHost(host: string): boolean {
	const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
	if (name === "localhost" || name.endsWith(".localhost")) return true;
	if (isIP(name) === 4) return name.startsWith("127.");
	return isIP(name) === 6 && /^(0*:)*:?0*1$/.test(name);
}

/** Paths that answer without a token: they say only that the server is alive, and what it can be asked. */
const PUBLIC_PATHS = new Set(["/api/health", "/api/live", "/api/ready", "/api/auth/config", "/api/openapi.json"]);

/**
 * Who may ask. A web page must not be able to read or write, also not by a name of its own that suddenly points to this
 * machine (DNS rebinding): so `Host` must be a loopback name or the address that was bound, and `Origin`, which browsers
 * send and programs do not, a loopback page or a VS Code webview. With a token, every request but the probes needs it.
 */
export class Guard {
	readonly #host: string;
	readonly #isLoopback: boolean;
	readonly #isWildcard: boolean;
	readonly #tokenHash: Buffer | undefined;
	readonly #ports = new Set<string>();
	readonly #accepted = new Map<string, boolean>();

	constructor(options: GuardOptions) {
		this.#host = options.host.toLowerCase();
		this.#isLoopback = isLoopbackHost(options.host);
		this.#isWildcard = options.host === "0.0.0.0" || options.host === "::";
		this.#tokenHash = options.token === undefined ? undefined : sha256(options.token);
	}

	/** Names a port that we listen on; addresses other than loopback must name one of them. */
	addPort(port: number): void {
		this.#ports.add(String(port));
		this.#accepted.clear();
	}

	/** @throws HttpError 403 or 401. */
	check(request: CheckedRequest): void {
		const { host, origin } = request.headers;
		if (!this.#isHostAccepted(host ?? "")) {
			throw new HttpError(
				403,
				"host_refused",
				"header Host: is not an address of this server; use 127.0.0.1 or localhost",
			);
		}
		if (origin !== undefined && !isOriginAccepted(origin)) {
			throw new HttpError(403, "origin_refused", "header Origin: pages of other sites may not use this server");
		}
		if (this.#tokenHash !== undefined && request.method !== "OPTIONS") this.#checkToken(request, this.#tokenHash);
	}

	#isHostAccepted(header: string): boolean {
		// The same client sends the same header again and again.
		let isAccepted = this.#accepted.get(header);
		if (isAccepted === undefined) {
			isAccepted = this.#judgeHost(header);
			if (this.#accepted.size >= 100) this.#accepted.clear();
			this.#accepted.set(header, isAccepted);
		}
		return isAccepted;
	}

	#judgeHost(header: string): boolean {
		const match = /^(\[[\da-f:.]+\]|[^:[\]/@?#\s]+)(?::(\d{1,5}))?$/i.exec(header);
		if (match === null) return false;
		const name = match[1].toLowerCase().replace(/^\[(.*)\]$/, "$1");
		if (isLoopbackHost(name)) return true;
		if (this.#isLoopback || !this.#ports.has(match[2] ?? "80")) return false;
		if (name === this.#host) return true;
		// Every address of this machine is bound then. An address cannot be rebound by a page; of names only our own count.
		const own = hostname().toLowerCase();
		return (
			this.#isWildcard &&
			(isIP(name) !== 0 || name === own || name === `${own}.local` || name === "host.docker.internal")
		);
	}

	#checkToken(request: CheckedRequest, expected: Buffer): void {
		const url = request.url ?? "/";
		const queryAt = url.indexOf("?");
		const path = queryAt < 0 ? url : url.slice(0, queryAt);
		if (PUBLIC_PATHS.has(path)) return;
		const bearer = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? "")?.[1];
		const given = bearer ?? (queryAt < 0 ? undefined : new URLSearchParams(url.slice(queryAt + 1)).get("token"));
		if (given === undefined || given === null) {
			throw new HttpError(401, "unauthorized", "header Authorization: a bearer token is needed", CHALLENGE);
		}
		// Hashes have one length, and comparing them tells nothing about the token by its time.
		if (!timingSafeEqual(sha256(given), expected)) {
			throw new HttpError(401, "unauthorized", "the token is not the one of this server", CHALLENGE);
		}
	}
}

const CHALLENGE = { "WWW-Authenticate": "Bearer" };

function sha256(text: string): Buffer {
	return createHash("sha256").update(text).digest();
}

/** Exported for tests. */
export function isOriginAccepted(origin: string): boolean {
	if (!URL.canParse(origin)) return false;
	const { protocol, hostname: name } = new URL(origin);
	if (protocol === "vscode-webview:") return true;
	return (protocol === "http:" || protocol === "https:") && isLoopbackHost(name);
}
