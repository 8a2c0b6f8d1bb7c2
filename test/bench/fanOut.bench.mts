import { type BenchRow, interleave, median, ratioRow } from "./bench.mts";
import { Child } from "./lineChild.mts";

export const name = "fan-out";

const ROUNDS = 5;
const WARM_UP_MS = 300;
const MEASURED_MS = 800;

interface Server {
	readonly child: Child;
	readonly port: string;
}

async function startServer(kind: string): Promise<Server> {
	const child = new Child("fanOutChild.mts", [kind]);
	return { child, port: await child.line() };
}

/** Deliveries a second of the server's processor time, with so many readers of which some read nothing. */
async function deliver({ child, port }: Server, readers: number, stalled = 0): Promise<number> {
	const reading = new Child("fanOutReaders.mts", [port, String(readers), String(stalled)]);
	await reading.line();
	await child.ask(`run ${WARM_UP_MS}`);
	const { deliveries, cpuMs } = JSON.parse(await child.ask(`run ${MEASURED_MS}`)) as Record<string, number>;
	await reading.end();
	return deliveries / (cpuMs / 1000);
}

/** Stream events sent to many subscribers: the hub beside one write an event, and beside plain sockets. */
export async function run(): Promise<BenchRow[]> {
	const [hub, perEvent, raw] = [await startServer("hub"), await startServer("per-event"), await startServer("raw")];
	const rows: BenchRow[] = [];
	try {
		for (const count of [1, 10, 100, 1000]) {
			const results = await interleave(ROUNDS, {
				hub: () => deliver(hub, count),
				perEvent: () => deliver(perEvent, count),
				raw: () => deliver(raw, count),
			});
			const [ours, each, bare] = [results.hub, results.perEvent, results.raw].map(median);
			const unit = "deliveries/CPU-s";
			const isGoal = count === 100;
			rows.push(ratioRow(`${name}-${count}`, ours, each, unit, isGoal ? ">= 3 ratio" : ""));
			rows.push(ratioRow(`${name}-${count}-raw`, ours, bare, unit, isGoal ? ">= 0.7 ratio" : ""));
		}
		const results = await interleave(ROUNDS, {
			alone: () => deliver(hub, 99),
			beside: () => deliver(hub, 100, 1),
		});
		rows.push(
			ratioRow(`${name}-stalled`, median(results.beside), median(results.alone), "deliveries/CPU-s", ">= 0.95 ratio"),
		);
		return rows;
	} finally {
		await Promise.all([hub, perEvent, raw].map(({ child }) => child.end()));
	}
}
