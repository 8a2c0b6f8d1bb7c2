import { describe, expect, it } from "vitest";
import { GroupCommit } from "../../../src/server/storage/groupCommit.ts";

/** A log of what happened, with writes that can be made to fail. */
function recorder(failCommit = false) {
	const log: string[] = [];
	let isCommitFailing = failCommit;
	const commits = new GroupCommit({
		begin: () => void log.push("begin"),
		commit: () => {
			if (isCommitFailing) throw new Error("disk full");
			log.push("commit");
		},
		rollback: () => void log.push("rollback"),
		didCommit: () => void log.push("did"),
		whenDurable: (done) => done(undefined),
	});
	const write = (name: string) =>
		commits
			.run(() => {
				log.push(name);
				if (name.startsWith("bad")) throw new Error(name);
				return name.toUpperCase();
			})
			.then(
				(value) => value,
				(error: Error) => `failed: ${error.message}`,
			);
	return {
		log,
		commits,
		write,
		heal: () => {
			isCommitFailing = false;
		},
	};
}

describe("GroupCommit", () => {
	it("puts the writes of one turn into one transaction, in order, and answers after the commit", async () => {
		const { log, write } = recorder();
		const answers = await Promise.all(["a", "b", "c"].map(write));
		expect(log).toEqual(["begin", "a", "b", "c", "commit", "did"]);
		expect(answers).toEqual(["A", "B", "C"]);
	});

	it("answers when the commit is on the disk, and not with success when that cannot be said", async () => {
		const waiting: ((error: unknown) => void)[] = [];
		const commits = new GroupCommit({
			begin: () => {},
			commit: () => {},
			rollback: () => {},
			didCommit: () => {},
			whenDurable: (done) => void waiting.push(done),
		});
		const answers: string[] = [];
		const write = (name: string) =>
			commits
				.run(() => name)
				.then(
					(value) => answers.push(value),
					(error: Error) => answers.push(error.message),
				);
		const first = write("a");
		commits.flush();
		const second = write("b");
		commits.flush();
		await new Promise((resolve) => setImmediate(resolve));
		expect(answers).toEqual([]);
		waiting[0](undefined);
		waiting[1](new Error("no disk"));
		await Promise.all([first, second]);
		expect(answers).toEqual(["a", "no disk"]);
	});

	it("begins another transaction for writes of a later turn", async () => {
		const { log, write } = recorder();
		await write("a");
		await write("b");
		expect(log).toEqual(["begin", "a", "commit", "did", "begin", "b", "commit", "did"]);
	});

	it("undoes a group with a failing write, and repeats the others without it", async () => {
		const { log, write } = recorder();
		expect(await Promise.all(["a", "bad", "c"].map(write))).toEqual(["A", "failed: bad", "C"]);
		expect(log).toEqual("begin a bad rollback begin a commit did begin bad rollback begin c commit did".split(" "));
	});

	it("answers every writer with the error when nothing can be committed, and goes on later", async () => {
		const { write, heal } = recorder(true);
		expect(await Promise.all(["a", "b"].map(write))).toEqual(["failed: disk full", "failed: disk full"]);
		heal();
		expect(await write("c")).toBe("C");
	});

	it("writes more than one group's worth in several transactions", async () => {
		const { log, write } = recorder();
		await Promise.all(Array.from({ length: 1200 }, (_, index) => write(`w${index}`)));
		expect(log.filter((line) => line === "commit")).toHaveLength(3);
		expect(log.filter((line) => line.startsWith("w"))).toEqual(Array.from({ length: 1200 }, (_, index) => `w${index}`));
	});

	it("writes at once what waits when it is flushed", async () => {
		const { log, write, commits } = recorder();
		const answer = write("a");
		commits.flush();
		expect(log).toEqual(["begin", "a", "commit", "did"]);
		expect(await answer).toBe("A");
	});
});
