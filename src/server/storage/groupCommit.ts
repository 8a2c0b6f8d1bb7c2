/** How a group of writes begins and ends; all synchronous. */
export interface CommitHooks {
	begin(): void;
	/** Writes what was put off to the end of the group, and commits. */
	commit(): void;
	rollback(): void;
	/** Called after each commit. */
	didCommit(): void;
	/** Calls back when the last commit is on the disk, in the order of the commits; with an error when that cannot be said. */
	whenDurable(done: (error: unknown) => void): void;
}

interface Write {
	readonly run: () => unknown;
	readonly resolve: (value: never) => void;
	readonly reject: (error: unknown) => void;
}

/** Bound of one group: a reader or a heartbeat waits no longer than it takes to write so many. */
const MAX_GROUP = 500;

/**
 * Puts the writes of concurrent requests into one transaction: whatever arrived in one turn of the event loop is written
 * after it, in order of arrival, and answered when the commit is on the disk. A write that throws is undone alone; the others of its
 * group are repeated without it.
 */
export class GroupCommit {
	readonly #hooks: CommitHooks;
	#queue: Write[] = [];
	#isScheduled = false;

	constructor(hooks: CommitHooks) {
		this.#hooks = hooks;
	}

	/** Runs `write` inside the next transaction. Resolves with its result once that is on the disk. */
	run<T>(write: () => T): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.#queue.push({ run: write, resolve: resolve as (value: never) => void, reject });
			this.#schedule();
		});
	}

	/** Writes everything that waits, now. */
	flush(): void {
		while (this.#queue.length > 0) this.#writeGroup();
	}

	#schedule(): void {
		if (this.#isScheduled) return;
		this.#isScheduled = true;
		setImmediate(() => {
			this.#isScheduled = false;
			if (this.#queue.length > 0) this.#writeGroup();
			if (this.#queue.length > 0) this.#schedule();
		});
	}

	#writeGroup(): void {
		const group = this.#queue.length <= MAX_GROUP ? this.#queue : this.#queue.slice(0, MAX_GROUP);
		this.#queue = group === this.#queue ? [] : this.#queue.slice(MAX_GROUP);
		const error = this.#transaction(group);
		if (error === undefined) return;
		for (const write of group) {
			const ownError = group.length === 1 ? error : this.#transaction([write]);
			if (ownError !== undefined) write.reject(ownError.value);
		}
	}

	/** Undefined once committed; the answers follow. Else what went wrong, and nothing has been changed. */
	#transaction(group: readonly Write[]): { readonly value: unknown } | undefined {
		let results: unknown[];
		try {
			this.#hooks.begin();
			results = group.map((write) => write.run());
			this.#hooks.commit();
		} catch (error) {
			this.#hooks.rollback();
			return { value: error };
		}
		this.#hooks.didCommit();
		this.#hooks.whenDurable((error) => {
			for (let index = 0; index < group.length; index++) {
				if (error === undefined) group[index].resolve(results[index] as never);
				else group[index].reject(error);
			}
		});
		return undefined;
	}
}
