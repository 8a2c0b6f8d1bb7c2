import type { SourceDefinition } from "../registry.ts";

export const traceExplorer: SourceDefinition = {
	type: "traceExplorer",
	label: "Trace Explorer",
	ports: [8060],
	identify: async (probe) => (await import("./identify.ts")).identify(probe),
	create: async (options) => (await import("./traceExplorerSource.ts")).createTraceExplorerSource(options),
};
