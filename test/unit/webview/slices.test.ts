import { describe, expect, it } from "vitest";
import { finish, type Sliced } from "../../../src/base/sliced.ts";
import { SlicedReceiver } from "../../../webview/shared/slices.ts";
import { TraceLayout } from "../../../webview/waterfall/layout.ts";
import { layOutObjects, layoutInput } from "../../bench/layoutPeers.mts";

/** A receiver whose messages each take so many slices, and a log of what it did. */
function receiver() {
	const log: string[] = [];
	let arrive: () => void = () => {};
	const waited = new Map<string, () => void>();
	const done = (text: string): Promise<void> => new Promise((resolve) => waited.set(text, resolve));
	const messages = new SlicedReceiver<{ readonly text: string; readonly slices: number }>(({ text, slices }) => {
		log.push(`${text} begins`);
		if (slices === 0) {
			log.push(`${text} ends`);
			waited.get(text)?.();
			return undefined;
		}
		return (function* (): Sliced<void> {
			for (let slice = 0; slice < slices; slice++) {
				// Longer than a slice may take: each is a task of its own.
				const until = performance.now() + 12;
				while (performance.now() < until);
				yield;
				arrive();
			}
			log.push(`${text} ends`);
			waited.get(text)?.();
		})();
	});
	return {
		log,
		messages,
		done,
		whenInterrupted: (work: () => void) => {
			arrive = work;
		},
	};
}

describe("messages that are handled in slices", () => {
	it("are done with at once when they are quick", () => {
		const { log, messages } = receiver();
		messages.receive({ text: "a", slices: 0 });
		messages.receive({ text: "b", slices: 0 });
		expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
	});

	it("let others have their turn, and hold back what arrives meanwhile, in its order", async () => {
		const { log, messages, done } = receiver();
		const ends = done("c");
		messages.receive({ text: "a", slices: 3 });
		expect(log).toEqual(["a begins"]);
		messages.receive({ text: "b", slices: 2 });
		messages.receive({ text: "c", slices: 0 });
		expect(log).toEqual(["a begins"]);
		await ends;
		expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
	});

	it("take in what arrives in the middle of a slice behind it", async () => {
		const { log, messages, done, whenInterrupted } = receiver();
		const ends = done("b");
		whenInterrupted(() => {
			whenInterrupted(() => {});
			messages.receive({ text: "b", slices: 0 });
		});
		messages.receive({ text: "a", slices: 2 });
		await ends;
		expect(log).toEqual(["a begins", "a ends", "b begins", "b ends"]);
	});

	it("are forgotten with what is not done when the receiver ends", async () => {
		const { log, messages, done } = receiver();
		messages.receive({ text: "a", slices: 5 });
		messages.receive({ text: "b", slices: 0 });
		messages.dispose();
		const ends = done("c");
		messages.receive({ text: "c", slices: 1 });
		await ends;
		expect(log).toEqual(["a begins", "c begins", "c ends"]);
	});
});

describe("a layout in slices", () => {
	it.each(["start", "end", "shuffled"] as const)("has the rows of a tree of objects, arrived by %s", (arrival) => {
		const input = layoutInput(150_000, arrival);
		const layout = new TraceLayout();
		const work = layout.rebuildInSlices(input.source);
		let slices = 1;
		while (work.next().done !== true) slices++;
		expect(slices).toBeGreaterThan(5);
		const expected = layOutObjects(input);
		expect(layout.rowCount).toBe(expected.length);
		const isWrong = ({ id, depth }: (typeof expected)[number], row: number): boolean =>
			input.ids[layout.node[row]] !== id || layout.depth[row] !== depth;
		expect(expected.findIndex(isWrong)).toBe(-1);
		// Subtrees: each row's children fill it.
		for (let row = 0; row < layout.rowCount; row++) {
			let end = row + 1;
			for (let child = 0; child < layout.childCount[row]; child++) {
				if (layout.depth[end] !== layout.depth[row] + 1 || layout.siblingIndex[end] !== child)
					expect.fail(`row ${end}`);
				end += layout.size[end];
			}
			if (end !== row + layout.size[row]) expect.fail(`size of row ${row}`);
		}
	});
});

describe("work in slices", () => {
	it("returns what the work returns", () => {
		expect(
			finish(
				(function* (): Sliced<number> {
					yield;
					return 3;
				})(),
			),
		).toBe(3);
	});
});
