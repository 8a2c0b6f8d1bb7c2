import { afterEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../../../src/base/emitter.ts";

describe("Emitter", () => {
	afterEach(() => {
		vi.unstubAllGlobals();
	});

	it("calls its listeners in order of subscription until they end", () => {
		const heard: string[] = [];
		const emitter = new Emitter<number>();
		const first = emitter.event((value) => heard.push(`first ${value}`));
		emitter.event((value) => heard.push(`second ${value}`));
		emitter.fire(1);
		first.dispose();
		first.dispose();
		emitter.fire(2);
		expect(heard).toEqual(["first 1", "second 1", "second 2"]);
	});

	it("takes one function subscribed twice for two subscriptions", () => {
		let count = 0;
		const emitter = new Emitter<void>();
		const listener = () => {
			count++;
		};
		const first = emitter.event(listener);
		emitter.event(listener);
		emitter.fire();
		first.dispose();
		emitter.fire();
		expect(count).toBe(3);
	});

	it("calls those that were subscribed when it began, whatever they do", () => {
		const heard: string[] = [];
		const emitter = new Emitter<void>();
		emitter.event(() => {
			heard.push("a");
			emitter.event(() => heard.push("new"));
			second.dispose();
		});
		const second = emitter.event(() => heard.push("b"));
		emitter.fire();
		expect(heard).toEqual(["a", "b"]);
		emitter.fire();
		expect(heard).toEqual(["a", "b", "a", "new"]);
	});

	it("lets no listener silence the others, and no error be lost", () => {
		const later: (() => void)[] = [];
		vi.stubGlobal("queueMicrotask", (run: () => void) => later.push(run));
		const heard: string[] = [];
		const emitter = new Emitter<void>();
		emitter.event(() => {
			throw new Error("broken");
		});
		emitter.event(() => heard.push("still"));
		emitter.fire();
		expect(heard).toEqual(["still"]);
		expect(later).toHaveLength(1);
		expect(later[0]).toThrow("broken");
	});

	it("calls nobody after its end", () => {
		let count = 0;
		const emitter = new Emitter<void>();
		const subscription = emitter.event(() => count++);
		emitter.dispose();
		emitter.fire();
		subscription.dispose();
		expect(count).toBe(0);
	});

	it("fires for a listener that fires", () => {
		const heard: number[] = [];
		const emitter = new Emitter<number>();
		emitter.event((value) => {
			heard.push(value);
			if (value < 3) emitter.fire(value + 1);
		});
		emitter.fire(1);
		expect(heard).toEqual([1, 2, 3]);
	});
});
