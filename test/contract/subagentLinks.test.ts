import { describe, expect, it, onTestFinished, vi } from "vitest";
import { silentLogger } from "../../src/base/logger.ts";
import { addOtlpRoutes } from "../../src/server/otlp/routes.ts";
import { createTracewaySource } from "../../src/sources/traceway/tracewaySource.ts";
import { SubagentLinker } from "../../src/ui/panels/subagentLinks.ts";
import { sendOtlp } from "../e2e/support/otlp.ts";
import { start } from "./support/testServer.ts";

const NOON = Date.UTC(2026, 2, 6, 12);
const trace = (number: number) => String(number).padStart(32, "a");
const id = (number: number) => String(number).padStart(16, "b");

interface Sent {
	readonly number: number;
	readonly parent?: number;
	readonly session: string;
	readonly tool?: string;
	readonly output?: string;
	readonly fromMs: number;
}

/** A real server with spans as OpenCode exports them, one trace a session, and a source that has them all. */
async function linked(spans: readonly Sent[]) {
	const server = await start({ extraRoutes: addOtlpRoutes });
	const sessions = [...new Set(spans.map(({ session }) => session))];
	const traceOf = (session: string) => trace(sessions.indexOf(session) + 1);
	await sendOtlp(
		server.url,
		spans.map(({ number, parent, session, tool, output, fromMs }) => ({
			traceId: traceOf(session),
			spanId: id(number),
			parentSpanId: parent === undefined ? undefined : id(parent),
			name: tool === undefined ? "opencode.session" : `opencode.tool.${tool}`,
			startMs: NOON + fromMs,
			endMs: NOON + fromMs + 1000,
			attributes: {
				"session.id": session,
				...(tool === undefined ? {} : { "tool.name": tool }),
				...(output === undefined ? {} : { "output.value": output }),
			},
		})),
	);
	const reads: string[] = [];
	const source = createTracewaySource({
		config: { id: "s", name: "own", type: "traceway", url: server.url },
		logger: silentLogger,
		fetch: (input, init) => {
			const read = /\/spans\/(\w+)/.exec(String(input))?.[1];
			if (read !== undefined) reads.push(read);
			return fetch(input, init);
		},
		getToken: async () => undefined,
	});
	onTestFinished(() => source.dispose());
	source.connect();
	await vi.waitFor(() => expect(source.store.spanCount).toBe(spans.length), { timeout: 20_000, interval: 5 });
	const signal = new AbortController().signal;
	const linker = new SubagentLinker(source.store, silentLogger);
	return {
		reads,
		links: async (number: number, session: string) =>
			linker.linksOf(await source.loadSpan(traceOf(session), id(number), signal), source, signal),
		traceOf,
	};
}

const started = (session: string) => `done\n<task id="${session}" state="completed">\nAll good\n</task>`;

describe("a subagent's session", () => {
	const spans: readonly Sent[] = [
		{ number: 1, session: "ses_main", fromMs: 0 },
		{ number: 2, parent: 1, session: "ses_main", tool: "task", output: started("ses_x1"), fromMs: 100 },
		{ number: 3, parent: 1, session: "ses_main", tool: "task", output: started("ses_x2"), fromMs: 200 },
		{ number: 4, parent: 1, session: "ses_main", tool: "bash", output: started("ses_x1"), fromMs: 300 },
		{ number: 5, session: "ses_x1", fromMs: 150 },
		{ number: 6, parent: 5, session: "ses_x1", tool: "bash", fromMs: 160 },
		{ number: 7, session: "ses_lonely", fromMs: 400 },
	];

	it("is linked from the task that started it, and from its root back to that task", async () => {
		const { links, traceOf } = await linked(spans);
		expect((await links(2, "ses_main")).startedSession).toBe("ses_x1");
		expect((await links(5, "ses_x1")).startedBy).toEqual({ traceId: traceOf("ses_main"), spanId: id(2) });
	});

	it("is not linked from other tools, from spans inside, or where no task names it", async () => {
		const { links } = await linked(spans);
		const none = { startedSession: undefined, startedBy: undefined };
		expect(await links(4, "ses_main")).toEqual(none);
		expect(await links(6, "ses_x1")).toEqual(none);
		expect(await links(7, "ses_lonely")).toEqual(none);
		expect(await links(1, "ses_main")).toEqual(none);
	});

	it("costs reading of tasks that may have started it only, and each but once", async () => {
		const { links, reads } = await linked(spans);
		await links(6, "ses_x1");
		expect(reads).toEqual([id(6)]);
		await links(5, "ses_x1");
		await links(5, "ses_x1");
		// The task that began after the session did is none that could have started it.
		expect(reads).toEqual([id(6), id(5), id(2), id(5)]);
	});
});
