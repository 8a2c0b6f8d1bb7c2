import { describe, expect, it } from "vitest";
import { DisposableStore, toDisposable } from "../../../src/base/disposable.ts";

describe("toDisposable", () => {
	it("runs its function once, however often it is disposed", () => {
		let count = 0;
		const disposable = toDisposable(() => count++);
		expect(count).toBe(0);
		disposable.dispose();
		disposable.dispose();
		expect(count).toBe(1);
	});

	it("does not run again when the function disposes it, or throws", () => {
		let count = 0;
		const self = toDisposable(() => {
			count++;
			self.dispose();
			throw new Error("failed");
		});
		expect(() => self.dispose()).toThrow("failed");
		self.dispose();
		expect(count).toBe(1);
	});
});

describe("DisposableStore", () => {
	it("disposes its members in reverse order, once", () => {
		const order: string[] = [];
		const store = new DisposableStore();
		for (const name of ["a", "b", "c"]) store.add(toDisposable(() => order.push(name)));
		expect(store.isDisposed).toBe(false);
		store.dispose();
		store.dispose();
		expect(order).toEqual(["c", "b", "a"]);
		expect(store.isDisposed).toBe(true);
	});

	it("gives back what is added", () => {
		const member = toDisposable(() => {});
		expect(new DisposableStore().add(member)).toBe(member);
	});

	it("disposes at once what arrives after its end, also during its end", () => {
		const order: string[] = [];
		const store = new DisposableStore();
		store.add(toDisposable(() => order.push("first")));
		store.add(
			toDisposable(() => {
				store.add(toDisposable(() => order.push("during")));
				order.push("second");
			}),
		);
		store.dispose();
		store.add(toDisposable(() => order.push("late")));
		expect(order).toEqual(["during", "second", "first", "late"]);
	});

	it("disposes every member when some throw, then throws the first error", () => {
		const order: string[] = [];
		const store = new DisposableStore();
		store.add(toDisposable(() => order.push("a")));
		store.add({
			dispose() {
				throw new Error("b");
			},
		});
		store.add({
			dispose() {
				throw new Error("c");
			},
		});
		expect(() => store.dispose()).toThrow("c");
		expect(order).toEqual(["a"]);
		store.dispose();
	});
});
