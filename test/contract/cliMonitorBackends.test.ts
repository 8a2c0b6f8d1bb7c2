import { describe, expect, it, onTestFinished } from "vitest";
import { TracellmPeer } from "../peers/tracellmPeer.ts";
import { untilConnected, useMonitor } from "./support/monitorRun.ts";
import { tempoFixture } from "./support/sources/tempoFixture.ts";

const current = useMonitor();

async function startTracellm(): Promise<TracellmPeer> {
	const peer = await TracellmPeer.start();
	onTestFinished(() => peer.stop());
	return peer;
}

function portOf({ url }: { readonly url: string }): string {
	return new URL(url).port;
}

describe("the monitor of another backend", () => {
	it("watches a TraceLLM by host and port as its own monitor does, over a restart", async () => {
		const peer = await startTracellm();
		peer.save({ prompt: "before", latency: 100, token_count: 14_823, model_name: "gpt-4.1-mini" });
		const pty = current().monitor({
			args: ["--ws-port", portOf(peer), "--refresh", "0.5"],
			env: { TRACELLM_WS_PORT: "1" },
		});
		await untilConnected(pty);
		await pty.until((text) => text.includes("before"));
		expect(pty.text).toMatch(/Total Tokens +14,823/);
		peer.save({ prompt: "announced", latency: 200 });
		await pty.until((text) => text.includes("announced"));

		await peer.stop();
		await pty.until((text) => text.includes("polling every 0.5s") && !text.includes("● Connected"));
		peer.save({ prompt: "meanwhile", latency: 300 });
		await peer.start();
		await untilConnected(pty);
		await pty.until((text) => text.includes("meanwhile") && text.includes("Recent Traces (3 unique)"));
		pty.write("q");
		expect(await pty.ended).toBe(0);
	});

	it("finds out what answers at an address", async () => {
		const peer = await tempoFixture.start();
		onTestFinished(() => peer.close());
		await peer.addTrace({ name: "kept in Tempo" });
		const pty = current().monitor({ args: ["--url", peer.url] });
		await untilConnected(pty);
		await pty.until((text) => text.includes("kept in Tempo") || text.includes("payload of kept"));
		expect(pty.text).toContain("gpt-4o-mini");
	});

	it("says what is wrong with a port that is none", async () => {
		const run = current().inPipe(["monitor"], { TRACEWAY_URL: "", TRACELLM_WS_PORT: "eight" });
		expect(await run.ended).toBe(2);
		expect(run.stderr).toContain('TRACELLM_WS_PORT: "eight" is no whole number');
	});
});
