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
