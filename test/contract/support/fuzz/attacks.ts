import { gzipSync } from "node:zlib";

/** Numbers from a seed, so that a run can be repeated. */
export class Dice {
	#state: number;

	constructor(seed: number) {
		this.#state = seed >>> 0;
	}

	/** 0 … below `end`. (mulberry32) */
	below(end: number): number {
		this.#state = (this.#state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
	}

	pick<T>(values: readonly T[]): T {
		return values[this.below(values.length)];
	}

	bytes(length: number): Buffer {
		return Buffer.from(Array.from({ length }, () => this.below(256)));
	}
}

/** What is sent over one connection, piece by piece. */
export interface Attack {
	readonly name: string;
	readonly pieces: readonly (string | Buffer)[];
	/** Pause between two pieces, milliseconds. */
	readonly gapMs?: number;
	/** What follows the last piece: nothing, the end of our half, or a reset. */
	readonly end?: "wait" | "half" | "reset";
}

const JSON_TYPE = "application/json";
const POSTS = [
	"/api/spans",
	"/api/traces",
	"/api/spans/s1/complete",
	"/api/spans/s1/fail",
	"/api/import",
	"/api/analytics",
];
const METHODS = [
	"GET",
	"HEAD",
	"POST",
	"PUT",
	"PATCH",
	"DELETE",
	"OPTIONS",
	"TRACE",
	"PROPFIND",
	"M-SEARCH",
	"get",
	"FOO",
	"CONNECT",
];
const PATHS = [
	...[
		"/",
		"/api",
		"/api/traces",
		"/api/spans",
		"/api/traces/t",
		"/api/spans/s1",
		"/api/stats",
		"/api/openapi.json",
		"*",
		"//",
	],
	...[
		"/api/sessions",
		"/api/analytics/summary",
		"/api/export/json",
		"/api/export/otlp",
		"/v1/traces",
		"/v1/logs",
		"/api/ready",
	],
	...[
		"/api/spans/%",
		"/api/spans/%00",
		"/api/spans/%ff%fe",
		"/api/spans/..%2f..",
		"/../../etc/passwd",
		"/api/traces/%C0%AF",
	],
	...["http://localhost/api/traces", "http://evil.example/", "localhost:80", `/api/spans/${"x".repeat(5000)}`],
];
const QUERIES = [
	"limit",
	"cursor",
	"status",
	"since",
	"until",
	"kind",
	"text_contains",
	"sort_by",
	"fields",
	"duration_min",
	"trace_id",
	"text",
	"case",
];

function post(path: string, body: string | Buffer, type = JSON_TYPE, more = ""): Buffer {
	const bytes = Buffer.from(body);
	const head =
		`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\n` +
		`${more}Connection: close\r\n\r\n`;
	return Buffer.concat([Buffer.from(head), bytes]);
}

function get(target: string, method = "GET", more = ""): string {
	return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${more}Connection: close\r\n\r\n`;
}

/** JSON that is valid, and unkind. */
function hostileJson(dice: Dice): string {
	const depth = dice.pick([100, 5000, 100_000]);
	const odd = dice.pick([
		`${"[".repeat(depth)}${"]".repeat(depth)}`,
		`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`,
		"1e99999",
		"9".repeat(400),
		`0.${"0".repeat(400)}1`,
		"-0",
		'"\\ud800\\udc00\\ud800"',
		'"\\u0000\\u001f\\u2028"',
		'{"__proto__":{"polluted":1},"constructor":{"prototype":{}},"toString":1,"hasOwnProperty":null}',
		'{"a":1,"a":2,"a":{"a":[]}}',
		`"${"x".repeat(dice.below(200_000))}"`,
		`{${Array.from({ length: 2000 }, (_, index) => `"k${index}":${index}`).join(",")}}`,
		`[${"{},".repeat(20_000)}{}]`,
		"null",
		"[]",
	]);
	const names = [
		"trace_id",
		"name",
		"id",
		"parent_id",
		"kind",
		"input",
		"output",
		"metadata",
		"error",
		"started_at",
		"tags",
		"traces",
	];
	const base: Record<string, string> = { trace_id: '"t"', name: '"n"', error: '"e"' };
	const members = Object.entries({ ...base, [dice.pick(names)]: odd }).map(([name, text]) => `"${name}":${text}`);
	const kind = `"kind":{"type":"llm_call","${dice.pick(["model", "input_tokens", "cost", "attributes", "__proto__"])}":${odd}}`;
	return dice.pick([
		odd,
		`{${members.join(",")}}`,
		`{"trace_id":"t","name":"n",${kind}}`,
		`{"__proto__":${odd},${members.join(",")}}`,
	]);
}

/** Some bytes of it changed, cut out, or doubled. */
function damaged(dice: Dice, bytes: Buffer): Buffer {
	let result = Buffer.from(bytes);
	for (let count = dice.below(8); count >= 0; count--) {
		if (result.length === 0) break;
		const at = dice.below(result.length);
		switch (dice.below(4)) {
			case 0:
				result[at] = dice.below(256);
				break;
			case 1:
				result = result.subarray(0, at);
				break;
			case 2:
				result = Buffer.concat([result.subarray(0, at), result.subarray(at + dice.below(20))]);
				break;
			default:
				result = Buffer.concat([result.subarray(0, at), result.subarray(Math.max(0, at - 30))]);
		}
	}
	return result;
}

/** An export request of one span with two attributes, a resource and a scope. */
const PROTOBUF = Buffer.from(
	"0a86010a150a130a0c736572766963652e6e616d6512030a0173126d0a070a0573636f706512620a10000102030405060708" +
		"090a0b0c0d0e0f120800010203040506072a046e616d6530033900002a36fe9c97174101002a36fe9c97174a200a1467656e" +
		"5f61692e726571756573742e6d6f64656c12080a066770742d346f4a080a016e120318ac02",
	"hex",
);
const OTLP_JSON = JSON.stringify({
	resourceSpans: [
		{
			resource: { attributes: [{ key: "service.name", value: { stringValue: "s" } }] },
			scopeSpans: [
				{
					spans: [
						{
							traceId: "000102030405060708090a0b0c0d0e0f",
							spanId: "0001020304050607",
							name: "n",
							startTimeUnixNano: "1700000000000000000",
							endTimeUnixNano: "1700000000000000001",
							attributes: [{ key: "gen_ai.request.model", value: { arrayValue: { values: [{ intValue: "1" }] } } }],
						},
					],
				},
			],
		},
	],
});
const SPAN = JSON.stringify({
	trace_id: "t",
	name: "n",
	kind: { type: "llm_call", model: "m", input_tokens: 1 },
	input: ["é", 1.5, { a: null }],
});

const MAKERS: Readonly<Record<string, (dice: Dice) => Omit<Attack, "name">>> = {
	"random bytes": (dice) => ({ pieces: [dice.bytes(dice.below(3000))], end: dice.pick(["wait", "half", "reset"]) }),
	"random body": (dice) => ({ pieces: [post(dice.pick([...POSTS, "/v1/traces"]), dice.bytes(dice.below(3000)))] }),
	"hostile JSON": (dice) => ({ pieces: [post(dice.pick(POSTS), hostileJson(dice))] }),
	"damaged JSON": (dice) => ({ pieces: [post(dice.pick(POSTS), damaged(dice, Buffer.from(SPAN)))] }),
	"damaged OTLP": (dice) => {
		const isJson = dice.below(2) === 0;
		const bytes = damaged(dice, isJson ? Buffer.from(OTLP_JSON) : PROTOBUF);
		const path = dice.pick(["/v1/traces", "/v1/traces", "/v1/logs", "/v1/metrics"]);
		return { pieces: [post(path, bytes, isJson ? JSON_TYPE : "application/x-protobuf")] };
	},
	"damaged compression": (dice) => {
		const bytes = dice.pick([damaged(dice, gzipSync(SPAN)), dice.bytes(100), gzipSync(Buffer.alloc(1_000_000))]);
		const encoding = dice.pick(["gzip", "deflate", "br", "zip", "gzip, gzip", ""]);
		return { pieces: [post("/api/spans", bytes, JSON_TYPE, `Content-Encoding: ${encoding}\r\n`)] };
	},
	"content types": (dice) => ({
		pieces: [
			post(dice.pick([...POSTS, "/v1/traces"]), SPAN, dice.pick(["", "text/plain", "\u00e9", "a/b;".repeat(500)])),
		],
	}),
	"methods and paths": (dice) => ({ pieces: [get(dice.pick(PATHS), dice.pick(METHODS))] }),
	queries: (dice) => {
		const value = dice.pick([
			"",
			"%",
			"%00",
			"-1",
			"1e999",
			"%F0%9F%98%80",
			"x".repeat(3000),
			"' OR 1=1 --",
			"*",
			'"',
			"NaN",
		]);
		const path = dice.pick([
			"/api/spans",
			"/api/traces",
			"/api/sessions",
			"/api/traces/t",
			"/api/traces/t/search",
			"/api/export/json",
		]);
		return {
			pieces: [get(`${path}?${dice.pick(QUERIES)}=${encodeURI(value)}&${dice.pick(QUERIES)}=${dice.below(100)}`)],
		};
	},
	"header floods": (dice) => {
		const line = dice.pick([
			`X-${dice.below(99)}: ${"y".repeat(50)}\r\n`,
			`Cookie: ${"z".repeat(9000)}\r\n`,
			"a:\r\n",
			"Host: b\r\n",
		]);
		return { pieces: [get("/api/stats", "GET", line.repeat(dice.pick([1, 50, 500, 5000])))] };
	},
	"odd headers": (dice) => {
		const lines = [
			"Host: evil\r\n",
			"Origin: null\r\n",
			"Expect: tea\r\n",
			"Expect: 100-continue\r\n",
			"Upgrade: h2c\r\nConnection: Upgrade\r\n",
		];
		lines.push(
			"Authorization: Bearer \u00ff\r\n",
			"Content-Length: -1\r\n",
			"Content-Length: 99999999999999999999\r\n",
			"X: a\r\n b\r\n",
		);
		lines.push(
			"X : y\r\n",
			": y\r\n",
			"X: \u0000\r\n",
			"Last-Event-ID: \u00ff\r\n",
			"Connection: keep-alive, close, upgrade\r\n",
		);
		return {
			pieces: [get(dice.pick(["/api/stats", "/api/spans"]), dice.pick(["GET", "POST"]), dice.pick(lines))],
			end: "half",
		};
	},
	smuggling: (dice) => {
		const fields = dice.pick([
			"Content-Length: 4\r\nContent-Length: 5\r\n",
			"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
			"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
			"Transfer-Encoding: xchunked\r\n",
			"Transfer-Encoding : chunked\r\n",
			"Transfer-Encoding: chunked\nContent-Length: 4\r\n",
			"Transfer-Encoding:\tchunked\r\n",
		]);
		const rest = dice.pick([
			"0\r\n\r\nGET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"{}{}{",
			"5;x=y\r\n{    \r\nzz\r\n",
			"-1\r\n\r\n",
		]);
		return {
			pieces: [`POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\n${fields}\r\n${rest}`],
			end: "half",
		};
	},
	chunks: (dice) => {
		const chunks = Array.from({ length: dice.below(500) }, () => "1\r\n \r\n").join("");
		const head = `POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
		return {
			pieces: [
				head,
				chunks,
				dice.pick(["2\r\n{}\r\n0\r\n\r\n", "2\r\n{}\r\n0\r\nX: trailer\r\n\r\n", "ffffffffffffffff\r\n"]),
			],
		};
	},
	pipelining: (dice) => {
		const request = `POST /api/spans HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${Buffer.byteLength(SPAN)}\r\n\r\n${SPAN}`;
		const one = dice.pick([request, "GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"]);
		return { pieces: [one.repeat(dice.below(200)), get("/api/health")] };
	},
	"older protocols": (dice) => ({
		pieces: [
			dice.pick([
				"GET /\r\n",
				"GET /api/stats HTTP/1.0\r\nHost: localhost\r\n\r\n",
				"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
				"\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
				"\r\n\r\n\r\nGET /api/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
				"GET  /api/stats  HTTP/1.1\r\n\r\n",
				"GET /api/stats HTTP/1.1\nHost: localhost\n\n",
			]),
		],
		end: "half",
	}),
	"slow requests": (dice) => {
		const whole = post("/api/spans", SPAN);
		const cut = dice.below(whole.length);
		const pieces = Array.from({ length: 10 }, (_, index) => whole.subarray(index * 8, Math.min(cut, index * 8 + 8)));
		return { pieces, gapMs: dice.pick([10, 100]) };
	},
	"half requests": (dice) => {
		const whole = post(dice.pick(POSTS), "x".repeat(dice.pick([10, 100_000, 1_000_000])));
		return { pieces: [whole.subarray(0, dice.below(whole.length))], end: dice.pick(["wait", "half", "reset"]) };
	},
	"event streams": (dice) => {
		const query = dice.pick([
			"",
			"?since=0",
			"?since=-1",
			"?since=99999999999999999999",
			"?kind=%00",
			"?since=%F0%9F%98%80&model=x",
		]);
		return {
			pieces: [get(`/api/events${query}`, "GET", dice.pick(["", "Last-Event-ID: \u00ff\r\n"]))],
			end: dice.pick(["wait", "half", "reset"]),
		};
	},
};

/** Any attack. Text goes out as Latin-1. */
export function makeAttack(dice: Dice): Attack {
	const name = dice.pick(Object.keys(MAKERS));
	return { name, ...MAKERS[name](dice) };
}
