/** A span as the server tells it; only what tests look at. */
export interface WireSpan {
	readonly id: string;
	readonly trace_id: string;
	readonly parent_id: string | null;
	readonly name: string;
	readonly status: "running" | "completed" | { readonly failed: { readonly error: string } };
	readonly kind: Readonly<Record<string, unknown>>;
}

export interface WireTrace {
	readonly id: string;
	readonly name?: string;
}

/** The REST API as a program with `curl` would use it. Every method throws on anything but success. */
export class Api {
	readonly url: string;
	readonly #token: string | undefined;

	constructor(url: string, token?: string) {
		this.url = url;
		this.#token = token;
	}

	async trace(name: string, tags: readonly string[] = []): Promise<string> {
		return ((await this.request("POST", "/traces", { name, tags })) as WireTrace).id;
	}

	async span(traceId: string, name: string, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
		const body = { trace_id: traceId, name, kind: { type: "custom", kind: "task", attributes: {} }, ...more };
		return ((await this.request("POST", "/spans", body)) as WireSpan).id;
	}

	async complete(spanId: string, body?: Readonly<Record<string, unknown>>): Promise<void> {
		await this.request("POST", `/spans/${spanId}/complete`, body);
	}

	async fail(spanId: string, error: string): Promise<void> {
		await this.request("POST", `/spans/${spanId}/fail`, { error });
	}

	async deleteTrace(traceId: string): Promise<void> {
		await this.request("DELETE", `/traces/${traceId}`);
	}

	async deleteSpan(spanId: string): Promise<void> {
		await this.request("DELETE", `/spans/${spanId}`);
	}

	async clear(): Promise<void> {
		await this.request("DELETE", "/traces");
	}

	/** Every span of a trace, or of all. */
	async spans(traceId?: string): Promise<WireSpan[]> {
		const filter = traceId === undefined ? "" : `trace_id=${traceId}&`;
		return await this.#all<WireSpan>(`/spans?${filter}sort_order=asc&limit=1000`);
	}

	async traces(): Promise<WireTrace[]> {
		return await this.#all<WireTrace>("/traces?limit=1000");
	}

	async stats(): Promise<{ readonly trace_count: number; readonly span_count: number }> {
		return (await this.request("GET", "/stats")) as { trace_count: number; span_count: number };
	}

	async #all<T>(path: string): Promise<T[]> {
		const items: T[] = [];
		for (let cursor: string | null = null; ; ) {
			const page = (await this.request(
				"GET",
				cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`,
			)) as {
				readonly items: readonly T[];
				readonly next_cursor: string | null;
			};
			items.push(...page.items);
			if (page.next_cursor === null) return items;
			cursor = page.next_cursor;
		}
	}

	/** @param path Behind `/api`. */
	async request(method: string, path: string, body?: unknown): Promise<unknown> {
		const headers: Record<string, string> = {};
		if (body !== undefined) headers["content-type"] = "application/json";
		if (this.#token !== undefined) headers.authorization = `Bearer ${this.#token}`;
		const response = await fetch(`${this.url}/api${path}`, {
			method,
			headers,
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await response.text();
		if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${text.slice(0, 300)}`);
		return text === "" ? undefined : JSON.parse(text);
	}
}
