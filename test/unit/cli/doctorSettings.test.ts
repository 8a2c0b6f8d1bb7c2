import { describe, expect, it } from "vitest";
import { isExempt, readDoctorSettings } from "../../../src/cli/doctorSettings.ts";

const otlpOf = (env: Record<string, string>) => readDoctorSettings(env).otlp;
const namesOf = (env: Record<string, string>) =>
	readDoctorSettings(env).findings.map(({ name, state }) => [name, state]);

describe("readDoctorSettings", () => {
	it("finds nothing wrong with an empty environment, and the defaults of the specification", () => {
		expect(readDoctorSettings({})).toEqual({
			serverUrl: undefined,
			otlp: { protocol: "http/protobuf", url: "http://localhost:4318/v1/traces", urlFrom: undefined, headers: {} },
			findings: [],
		});
	});

	it("takes an empty variable for none", () => {
		const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_TRACES_EXPORTER: " ", TRACEWAY_URL: "", HTTP_PROXY: "" };
		expect(readDoctorSettings(env)).toEqual(readDoctorSettings({}));
	});

	it.each([
		["http://h:1", "http://h:1/v1/traces"],
		["http://h:1/", "http://h:1/v1/traces"],
		["http://h:1/base", "http://h:1/base/v1/traces"],
		["https://h/base/", "https://h/base/v1/traces"],
	])("adds v1/traces to the general endpoint %s", (endpoint, url) => {
		expect(otlpOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toMatchObject({
			url,
			urlFrom: "OTEL_EXPORTER_OTLP_ENDPOINT",
		});
	});

	it("uses the endpoint for traces as it is, before the general one", () => {
		const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b:2/x" };
		expect(otlpOf(env)).toMatchObject({ url: "http://b:2/x", urlFrom: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" });
	});

	it.each<[Record<string, string>, string]>([
		[{}, "http://localhost:4317"],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://h:1/path" }, "http://h:1"],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "h:1" }, "https://h:1"],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "h:1", OTEL_EXPORTER_OTLP_INSECURE: "true" }, "http://h:1"],
	])("reads the endpoint of gRPC in %j", (env, url) => {
		expect(otlpOf({ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", ...env })).toMatchObject({ url });
	});

	it("reads headers, those for traces over the general ones, and never shows their values", () => {
		const env = {
			OTEL_EXPORTER_OTLP_HEADERS: "Authorization=Bearer%20s3cret, x-a=1",
			OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-a=2",
		};
		expect(otlpOf(env).headers).toEqual({ authorization: "Bearer s3cret", "x-a": "2" });
		const bad = readDoctorSettings({ OTEL_EXPORTER_OTLP_HEADERS: "s3cret" });
		expect(bad.findings).toMatchObject([{ name: "OTEL_EXPORTER_OTLP_HEADERS", state: "failed" }]);
		expect(JSON.stringify(bad.findings)).not.toContain("s3cret");
	});

	it.each<[Record<string, string>, string, string]>([
		[{ OTEL_SDK_DISABLED: "true" }, "OTEL_SDK_DISABLED", "failed"],
		[{ OTEL_TRACES_EXPORTER: "console" }, "OTEL_TRACES_EXPORTER", "failed"],
		[{ OTEL_TRACES_SAMPLER: "always_off" }, "OTEL_TRACES_SAMPLER", "failed"],
		[{ OTEL_TRACES_SAMPLER: "parentbased_always_off" }, "OTEL_TRACES_SAMPLER", "failed"],
		[{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }, "OTEL_TRACES_SAMPLER_ARG", "failed"],
		[{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" }, "OTEL_TRACES_SAMPLER_ARG", "warning"],
		[{ OTEL_CONFIG_FILE: "/a.yaml" }, "OTEL_CONFIG_FILE", "warning"],
		[{ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "256" }, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "warning"],
		[{ OTEL_EXPORTER_OTLP_PROTOCOL: "http" }, "OTEL_EXPORTER_OTLP_PROTOCOL", "failed"],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" }, "OTEL_EXPORTER_OTLP_ENDPOINT", "failed"],
		[{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://h:1/v1/traces" }, "OTEL_EXPORTER_OTLP_ENDPOINT", "failed"],
		[{ TRACEWAY_URL: "localhost:3000" }, "TRACEWAY_URL", "failed"],
		[{ HTTP_PROXY: "http://u:s3cret@p:1" }, "HTTP_PROXY", "warning"],
		[{ all_proxy: "p:1", NO_PROXY: "example.com" }, "all_proxy", "warning"],
	])("says that %j keeps spans away", (env, name, state) => {
		const { findings } = readDoctorSettings(env);
		expect(findings.map((finding) => [finding.name, finding.state])).toEqual([[name, state]]);
		expect(JSON.stringify(findings)).not.toContain("s3cret");
	});

	it.each<Record<string, string>>([
		{ OTEL_SDK_DISABLED: "false" },
		{ OTEL_TRACES_EXPORTER: "console,otlp" },
		{ OTEL_TRACES_SAMPLER: "parentbased_always_on" },
		{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "1.0" },
		{ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "100000" },
		{ HTTP_PROXY: "http://p:1", NO_PROXY: "localhost,127.0.0.1" },
		{ HTTPS_PROXY: "http://p:1" },
	])("has nothing against %j", (env) => {
		expect(namesOf(env)).toEqual([]);
	});
});

describe("isExempt", () => {
	it.each([
		["localhost", "localhost", true],
		["localhost", "a, LOCALHOST ", true],
		["127.0.0.1", "127.0.0.1", true],
		["[::1]", "::1", true],
		["a.example.com", ".example.com", true],
		["a.example.com", "*.example.com", true],
		["a.example.com", "example.com", true],
		["badexample.com", "example.com", false],
		["localhost", "*", true],
		["localhost", "", false],
		["localhost", ",", false],
	])("judges %s by NO_PROXY=%s", (host, list, is) => {
		expect(isExempt(host, list)).toBe(is);
	});
});
