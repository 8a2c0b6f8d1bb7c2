import type { SourceDefinition } from "../registry.ts";

export const tracellm: SourceDefinition = {
	type: "tracellm",
	label: "TraceLLM",
	ports: [8000, 8001, 8080],
	identify: async (probe) => (await import("./identify.ts")).identify(probe),
	create: async (options) => (await import("./tracellmSource.ts")).createTracellmSource(options),
};
