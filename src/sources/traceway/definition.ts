import type { SourceDefinition } from "../registry.ts";

export const traceway: SourceDefinition = {
	type: "traceway",
	label: "Traceway",
	ports: [3000],
	identify: async (probe) => (await import("./identify.ts")).identify(probe),
	create: async (options) => (await import("./tracewaySource.ts")).createTracewaySource(options),
};
