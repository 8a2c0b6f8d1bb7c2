import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { BSON } from "mongodb";
import { MortalServer } from "./mortalServer.ts";

/**
 * A small honest MongoDB for readers: the wire protocol (OP_MSG, and OP_QUERY for the first hello), one database in memory,
 * cursors, SCRAM-SHA-256, and switches for faults. Knows the few commands and operators that a reader of traces needs and
 * refuses all others as MongoDB does, so that a test notices when one of them is used.
 *
 * MongoDB wire protocol: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/. SCRAM: RFC 5802, RFC 7677.
 */
export type MongoDocument = Record<string, unknown>;

export interface MongoPeerOptions {
	readonly port?: number;
	/** With a user, commands need a login first. */
	readonly user?: { readonly name: string; readonly password: string };
}

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const FIRST_BATCH = 101;
const ITERATIONS = 4096;

interface Cursor {
	readonly namespace: string;
	rest: MongoDocument[];
}

interface Connection {
	readonly socket: Socket;
	isLoggedIn: boolean;
	login: { readonly authMessageStart: string; readonly nonce: string } | undefined;
}

class CommandError extends Error {
	readonly code: number;
	readonly codeName: string;
	constructor(code: number, codeName: string, message: string) {
		super(message);
		this.code = code;
		this.codeName = codeName;
	}
}

export class MongoPeer {
	/** By `database.collection`. */
	readonly collections = new Map<string, MongoDocument[]>();
	/** Names of the commands that came, in their order. */
	readonly commands: string[] = [];
	/** Each find answers with this error while set. */
	findError: { readonly code: number; readonly codeName: string; readonly message: string } | undefined;
	/** Commands are taken and not answered. */
	isMute = false;
	readonly #options: MongoPeerOptions;
	readonly #cursors = new Map<bigint, Cursor>();
	readonly #server: MortalServer;
	#nextCursor = 1n;
	#nextRequest = 1;

	private constructor(options: MongoPeerOptions) {
		this.#options = options;
		this.#server = new MortalServer(() => createServer((socket) => this.#accept(socket)), options.port);
	}

	static async start(options: MongoPeerOptions = {}): Promise<MongoPeer> {
		const peer = new MongoPeer(options);
		await peer.start();
		return peer;
	}

	/** Listens, on the port that it had before. */
	async start(): Promise<void> {
		await this.#server.start();
	}

	/** Connections break, documents stay. */
	async stop(): Promise<void> {
		this.#cursors.clear();
		await this.#server.stop();
	}

	get host(): string {
		return `127.0.0.1:${this.#server.port}`;
	}

	get url(): string {
		return `mongodb://${this.host}`;
	}

	get connectionCount(): number {
		return this.#server.socketCount;
	}

	/** Adds a document as `insertOne` does, with an `_id` when it has none. */
	insert(namespace: string, document: MongoDocument): void {
		const documents = this.collections.get(namespace) ?? [];
		this.collections.set(namespace, [...documents, { _id: new BSON.ObjectId(), ...document }]);
	}

	#accept(socket: Socket): void {
		const connection: Connection = { socket, isLoggedIn: this.#options.user === undefined, login: undefined };
		socket.on("error", () => undefined);
		let pending = Buffer.alloc(0);
		socket.on("data", (chunk) => {
			pending = Buffer.concat([pending, chunk]);
			while (pending.length >= HEADER_BYTES && pending.length >= pending.readInt32LE(0)) {
				const length = pending.readInt32LE(0);
				this.#receive(connection, pending.subarray(0, length));
				pending = pending.subarray(length);
			}
		});
	}

	#receive(connection: Connection, message: Buffer): void {
		const requestId = message.readInt32LE(4);
		const opCode = message.readInt32LE(12);
		if (opCode === OP_QUERY) {
			// flags, collection name, skip, limit, then the query.
			const nameEnd = message.indexOf(0, HEADER_BYTES + 4);
			const command = BSON.deserialize(message.subarray(nameEnd + 9));
			const body = BSON.serialize(this.#run(connection, command));
			const head = Buffer.alloc(20);
			head.writeInt32LE(8, 0);
			head.writeInt32LE(1, 16);
			this.#send(connection, OP_REPLY, requestId, Buffer.concat([head, body]));
			return;
		}
		if (opCode !== OP_MSG) {
			connection.socket.destroy();
			return;
		}
		const flags = message.readUInt32LE(HEADER_BYTES);
		const end = message.length - ((flags & CHECKSUM_PRESENT) === 0 ? 0 : 4);
		let command: MongoDocument = {};
		for (let at = HEADER_BYTES + 4; at < end; ) {
			const kind = message[at];
			const size = message.readInt32LE(at + 1);
			if (kind === 0) command = BSON.deserialize(message.subarray(at + 1, at + 1 + size));
			at += 1 + size;
		}
		const reply = this.#run(connection, command);
		if (this.isMute || (flags & MORE_TO_COME) !== 0) return;
		const head = Buffer.alloc(5);
		this.#send(connection, OP_MSG, requestId, Buffer.concat([head, BSON.serialize(reply)]));
	}

	#send({ socket }: Connection, opCode: number, responseTo: number, body: Buffer): void {
		const header = Buffer.alloc(HEADER_BYTES);
		header.writeInt32LE(HEADER_BYTES + body.length, 0);
		header.writeInt32LE(this.#nextRequest++, 4);
		header.writeInt32LE(responseTo, 8);
		header.writeInt32LE(opCode, 12);
		socket.write(Buffer.concat([header, body]));
	}

	#run(connection: Connection, command: MongoDocument): MongoDocument {
		const name = Object.keys(command)[0] ?? "";
		this.commands.push(name);
		try {
			return { ...this.#answer(connection, name, command), ok: 1 };
		} catch (error) {
			if (!(error instanceof CommandError)) throw error;
			return { ok: 0, errmsg: error.message, code: error.code, codeName: error.codeName };
		}
	}

	#answer(connection: Connection, name: string, command: MongoDocument): MongoDocument {
		switch (name) {
			case "hello":
			case "isMaster":
			case "ismaster":
				return {
					helloOk: true,
					ismaster: true,
					isWritablePrimary: true,
					maxBsonObjectSize: 16_777_216,
					maxMessageSizeBytes: 48_000_000,
					maxWriteBatchSize: 100_000,
					localTime: new Date(),
					logicalSessionTimeoutMinutes: 30,
					connectionId: 1,
					minWireVersion: 0,
					maxWireVersion: 21,
					...(command.saslSupportedMechs === undefined ? {} : { saslSupportedMechs: ["SCRAM-SHA-256"] }),
				};
			case "ping":
			case "endSessions":
				return {};
			case "saslStart":
				return this.#saslStart(connection, command);
			case "saslContinue":
				return this.#saslContinue(connection, command);
		}
		if (!connection.isLoggedIn) throw new CommandError(13, "Unauthorized", `Command ${name} requires authentication`);
		const namespace = `${String(command.$db)}.${String(command[name])}`;
		switch (name) {
			case "find":
				return this.#find(namespace, command);
			case "getMore":
				return this.#getMore(command);
			case "killCursors":
				for (const id of command.cursors as bigint[]) this.#cursors.delete(BigInt(id));
				return { cursorsKilled: command.cursors, cursorsNotFound: [], cursorsAlive: [], cursorsUnknown: [] };
			case "count":
				return { n: this.#matching(namespace, command.query).length };
			default:
				throw new CommandError(59, "CommandNotFound", `no such command: '${name}'`);
		}
	}

	#matching(namespace: string, filter: unknown): MongoDocument[] {
		const documents = this.collections.get(namespace) ?? [];
		return documents.filter((document) => matches(document, (filter ?? {}) as MongoDocument));
	}

	#find(namespace: string, command: MongoDocument): MongoDocument {
		if (this.findError !== undefined) {
			throw new CommandError(this.findError.code, this.findError.codeName, this.findError.message);
		}
		const { filter, sort, skip, limit, projection, batchSize } = command;
		const from = Number(skip ?? 0);
		const found = sorted(this.#matching(namespace, filter), (sort ?? {}) as MongoDocument)
			.slice(from, Number(limit ?? 0) === 0 ? undefined : from + Math.abs(Number(limit)))
			.map((document) => project(document, (projection ?? {}) as MongoDocument));
		const size = Number(batchSize ?? FIRST_BATCH);
		const rest = found.slice(size);
		const id = rest.length === 0 ? 0n : this.#nextCursor++;
		if (id !== 0n) this.#cursors.set(id, { namespace, rest });
		return { cursor: { firstBatch: found.slice(0, size), id: BSON.Long.fromBigInt(id), ns: namespace } };
	}

	#getMore(command: MongoDocument): MongoDocument {
		const id = BigInt(String(command.getMore));
		const cursor = this.#cursors.get(id);
		if (cursor === undefined) throw new CommandError(43, "CursorNotFound", `cursor id ${id} not found`);
		const size = Number(command.batchSize ?? cursor.rest.length);
		const nextBatch = cursor.rest.slice(0, size);
		cursor.rest = cursor.rest.slice(size);
		const isLast = cursor.rest.length === 0;
		if (isLast) this.#cursors.delete(id);
		return { cursor: { nextBatch, id: BSON.Long.fromBigInt(isLast ? 0n : id), ns: cursor.namespace } };
	}

	// SCRAM-SHA-256, the server's side. The salt is fixed per peer: nothing here outlives a test.

	readonly #salt = randomBytes(16);

	#saslStart(connection: Connection, command: MongoDocument): MongoDocument {
		if (command.mechanism !== "SCRAM-SHA-256") {
			throw new CommandError(
				334,
				"MechanismUnavailable",
				`Received authentication for mechanism ${String(command.mechanism)}`,
			);
		}
		const first = binaryText(command.payload).slice(3);
		const clientNonce = /r=([^,]+)/.exec(first)?.[1] ?? "";
		const nonce = clientNonce + randomBytes(18).toString("base64");
		const answer = `r=${nonce},s=${this.#salt.toString("base64")},i=${ITERATIONS}`;
		connection.login = { authMessageStart: `${first},${answer}`, nonce };
		return { conversationId: 1, done: false, payload: new BSON.Binary(Buffer.from(answer)) };
	}

	#saslContinue(connection: Connection, command: MongoDocument): MongoDocument {
		const text = binaryText(command.payload);
		const { login } = connection;
		const { user } = this.#options;
		// The driver's empty last word.
		if (text === "" && connection.isLoggedIn)
			return { conversationId: 1, done: true, payload: new BSON.Binary(Buffer.alloc(0)) };
		const withoutProof = text.replace(/,p=.*$/, "");
		const proof = Buffer.from(/,p=(.*)$/.exec(text)?.[1] ?? "", "base64");
		const isUser = user !== undefined && login?.authMessageStart.startsWith(`n=${user.name},`) === true;
		if (login === undefined || !isUser || !withoutProof.includes(`r=${login.nonce}`)) throw authenticationFailed();
		const authMessage = `${login.authMessageStart},${withoutProof}`;
		const salted = pbkdf2Sync(user.password, this.#salt, ITERATIONS, 32, "sha256");
		const storedKey = createHash("sha256").update(hmac(salted, "Client Key")).digest();
		const signature = hmac(storedKey, authMessage);
		const clientKey = Buffer.from(proof.map((byte, index) => byte ^ (signature[index] ?? 0)));
		if (!createHash("sha256").update(clientKey).digest().equals(storedKey)) throw authenticationFailed();
		connection.isLoggedIn = true;
		const verifier = `v=${hmac(hmac(salted, "Server Key"), authMessage).toString("base64")}`;
		return { conversationId: 1, done: true, payload: new BSON.Binary(Buffer.from(verifier)) };
	}
}

function authenticationFailed(): CommandError {
	return new CommandError(18, "AuthenticationFailed", "Authentication failed.");
}

function hmac(key: Buffer, text: string): Buffer {
	return createHmac("sha256", key).update(text).digest();
}

function binaryText(value: unknown): string {
	return value instanceof BSON.Binary ? Buffer.from(value.buffer).toString("utf8") : "";
}

/** Order of two values of one type; 0 for those that cannot be compared, as of different types. */
function compare(a: unknown, b: unknown): number {
	const left = comparable(a);
	const right = comparable(b);
	if (typeof left !== typeof right || left === undefined || right === undefined) return 0;
	return left < right ? -1 : left > right ? 1 : 0;
}

function comparable(value: unknown): number | string | undefined {
	if (value instanceof Date) return value.getTime();
	if (value instanceof BSON.ObjectId) return value.toHexString();
	return typeof value === "number" || typeof value === "string" ? value : undefined;
}

function matches(document: MongoDocument, filter: MongoDocument): boolean {
	return Object.entries(filter).every(([key, wanted]) => {
		if (key === "$and") return (wanted as MongoDocument[]).every((part) => matches(document, part));
		if (key === "$or") return (wanted as MongoDocument[]).some((part) => matches(document, part));
		if (key.startsWith("$")) throw new CommandError(2, "BadValue", `unknown top level operator: ${key}`);
		return matchesValue(document[key], wanted);
	});
}

function matchesValue(value: unknown, wanted: unknown): boolean {
	const isOperators =
		typeof wanted === "object" && wanted !== null && Object.keys(wanted).some((operator) => operator.startsWith("$"));
	if (!isOperators) return isEqual(value, wanted);
	return Object.entries(wanted).every(([operator, bound]) => {
		const isSameType = typeof comparable(value) === typeof comparable(bound);
		switch (operator) {
			case "$in":
				return (bound as unknown[]).some((one) => isEqual(value, one));
			case "$lt":
				return isSameType && compare(value, bound) < 0;
			case "$lte":
				return isSameType && compare(value, bound) <= 0;
			case "$gt":
				return isSameType && compare(value, bound) > 0;
			case "$gte":
				return isSameType && compare(value, bound) >= 0;
			default:
				throw new CommandError(2, "BadValue", `unknown operator: ${operator}`);
		}
	});
}

function isEqual(a: unknown, b: unknown): boolean {
	const left = comparable(a);
	return left === undefined ? a === b : left === comparable(b);
}

function sorted(documents: readonly MongoDocument[], sort: MongoDocument): MongoDocument[] {
	const keys = Object.entries(sort instanceof Map ? Object.fromEntries(sort) : sort);
	return [...documents].sort((a, b) => {
		for (const [key, direction] of keys) {
			const order = compare(a[key], b[key]);
			if (order !== 0) return order * Number(direction);
		}
		return 0;
	});
}

/** Fields named by 1 with `_id`, or all but those named by 0. */
function project(document: MongoDocument, projection: MongoDocument): MongoDocument {
	const names = Object.keys(projection);
	if (names.length === 0) return document;
	const isInclusion = names.some((name) => name !== "_id" && Boolean(projection[name]));
	const keeps = (name: string) => {
		if (name === "_id") return projection._id === undefined || Boolean(projection._id);
		return isInclusion ? Boolean(projection[name]) : !names.includes(name);
	};
	return Object.fromEntries(Object.entries(document).filter(([name]) => keeps(name)));
}
