import type { SourceDefinition } from "../registry.ts";

export const cloudgrid: SourceDefinition = {
	type: "cloudgrid",
	label: "CloudGrid",
	ports: [3000],
	identify: async (probe) => (await import("./identify.ts")).identify(probe),
	create: async (options) => (await import("./cloudgridSource.ts")).createCloudgridSource(options),
};
