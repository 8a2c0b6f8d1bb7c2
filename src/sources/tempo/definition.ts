import type { SourceDefinition } from "../registry.ts";

/** Grafana Tempo, and what answers as it does: gateways before it, Grafana Cloud Traces. */
export const tempo: SourceDefinition = {
	type: "tempo",
	label: "Grafana Tempo",
	ports: [3200],
	accessOptions: ["username", "tenant"],
	identify: async (probe) => (await import("./identify.ts")).identify(probe),
	create: async (options) => (await import("./tempoSource.ts")).createTempoSource(options),
};
