import type { WorkbenchOptions } from "../../workbench/workbench.mts";

/** Name of the source in the tests, as the views show it. */
export const SOURCE_NAME = "Test server";

/** Options of a workbench whose one configured source is at `url`; its own mini-server stays off. */
export function withSource(url: string, settings: Readonly<Record<string, unknown>> = {}): WorkbenchOptions {
	return {
		settings: {
			"traceway.sources": [{ id: "test", name: SOURCE_NAME, type: "traceway", url }],
			...settings,
		},
	};
}
