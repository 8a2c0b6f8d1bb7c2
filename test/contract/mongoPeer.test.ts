import { MongoClient, type MongoClientOptions } from "mongodb";
import { afterEach, describe, expect, it } from "vitest";
import { MongoPeer, type MongoPeerOptions } from "../peers/mongoPeer.ts";

/** The official driver takes the peer for a MongoDB. */

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function connect(
	options: MongoPeerOptions = {},
	auth?: MongoClientOptions["auth"],
): Promise<{ peer: MongoPeer; client: MongoClient }> {
	const peer = await MongoPeer.start(options);
	ends.push(() => peer.stop());
	const client = new MongoClient(peer.url, { serverSelectionTimeoutMS: 3000, ...(auth === undefined ? {} : { auth }) });
	ends.push(() => client.close());
	return { peer, client };
}

describe("the MongoDB peer", () => {
	it("finds, sorts, skips, limits and projects, with _id and dates as MongoDB has them", async () => {
		const { peer, client } = await connect();
		for (let day = 1; day <= 9; day++) {
			peer.insert("tracellm.traces", {
				trace_id: `t${day}`,
				created_at: new Date(Date.UTC(2026, 2, day)),
				prompt: "x",
			});
		}
		const traces = client.db("tracellm").collection("traces");
		const found = await traces
			.find()
			.sort({ created_at: -1, _id: -1 })
			.skip(1)
			.limit(2)
			.project({ prompt: 0 })
			.toArray();
		expect(found.map(({ trace_id }) => trace_id)).toEqual(["t8", "t7"]);
		expect(found[0]).toEqual({ _id: expect.anything(), trace_id: "t8", created_at: new Date(Date.UTC(2026, 2, 8)) });
		const some = await traces.find({ trace_id: { $in: ["t1", "t3", "t99"] } }).toArray();
		expect(some.map(({ trace_id }) => trace_id)).toEqual(["t1", "t3"]);
		const older = await traces.find({ created_at: { $lte: new Date(Date.UTC(2026, 2, 3)) } }).toArray();
		expect(older).toHaveLength(3);
		expect(await traces.estimatedDocumentCount()).toBe(9);
	});

	it("gives long lists in batches by a cursor", async () => {
		const { peer, client } = await connect();
		for (let index = 0; index < 300; index++) peer.insert("d.c", { index });
		const all = await client.db("d").collection("c").find().batchSize(50).toArray();
		expect(all.map(({ index }) => index)).toEqual(Array.from({ length: 300 }, (_, index) => index));
		expect(peer.commands.filter((name) => name === "getMore").length).toBeGreaterThan(1);
	});

	it("lets in who has the password, and refuses the others", async () => {
		const user = { name: "reader", password: "s3cret" };
		const { client } = await connect({ user }, { username: "reader", password: "s3cret" });
		expect(await client.db("d").collection("c").find().toArray()).toEqual([]);
		const wrong = await connect({ user }, { username: "reader", password: "guess" });
		await expect(wrong.client.db("d").collection("c").find().toArray()).rejects.toThrow("Authentication failed");
		const nobody = await connect({ user });
		await expect(nobody.client.db("d").collection("c").find().toArray()).rejects.toThrow("requires authentication");
	});

	it("refuses what a reader has no business with", async () => {
		const { client } = await connect();
		await expect(client.db("d").collection("c").insertOne({ a: 1 })).rejects.toThrow("no such command");
	});
});
