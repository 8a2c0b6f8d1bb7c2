import { describe, expect, it } from "vitest";
import { namedServer } from "../../../../src/cli/monitor/server.ts";

describe("the server that the monitor watches", () => {
	it.each([
		["nothing", {}, {}, undefined],
		["an address", { url: "http://h:1/api" }, { TRACEWAY_URL: "http://other" }, ["http://h:1", "traceway"]],
		["the environment's address", {}, { TRACEWAY_URL: "http://h:2" }, ["http://h:2", "traceway"]],
		["a port", { "ws-port": "8001" }, {}, ["http://127.0.0.1:8001", "tracellm"]],
		["a host, whose port is 8000", { "ws-host": "h" }, {}, ["http://h:8000", "tracellm"]],
		[
			"a port before the environment's",
			{ "ws-port": "1" },
			{ TRACELLM_WS_PORT: "2" },
			["http://127.0.0.1:1", "tracellm"],
		],
		["the environment's port", {}, { TRACELLM_WS_PORT: "2" }, ["http://127.0.0.1:2", "tracellm"]],
		["the environment's host", {}, { TRACELLM_WS_HOST: "h" }, ["http://h:8000", "tracellm"]],
		[
			"our address before TraceLLM's host",
			{},
			{ TRACEWAY_URL: "http://h:2", TRACELLM_WS_HOST: "h" },
			["http://h:2", "traceway"],
		],
		["an IPv6 host", { "ws-host": "::1" }, {}, ["http://[::1]:8000", "tracellm"]],
	] as const)("is named by %s", (_what, options, env, wanted) => {
		const named = namedServer(options, env);
		expect(named === undefined ? undefined : [named.url, named.likely.type]).toEqual(wanted);
	});

	it.each([
		[{ "ws-port": "x" }, {}, "--ws-port"],
		[{ "ws-port": "0" }, {}, "--ws-port"],
		[{ "ws-port": "65536" }, {}, "--ws-port"],
		[{}, { TRACELLM_WS_PORT: "eight" }, "TRACELLM_WS_PORT"],
		[{ "ws-host": "h/path" }, {}, "--ws-host"],
		[{ "ws-host": "u:p@h" }, {}, "--ws-host"],
		[{ url: "http://h", "ws-port": "1" }, {}, "twice"],
	] as const)("cannot be %j with %j", (options, env, word) => {
		expect(() => namedServer(options, env)).toThrow(word);
	});
});
