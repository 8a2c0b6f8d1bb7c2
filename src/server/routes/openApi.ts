import { OPENAPI_PATHS } from "./openApiPaths.ts";

/** The description of the API, OpenAPI 3.1 as JSON text (https://spec.openapis.org/oas/v3.1.1). */
export function openApiText(version: string): string {
	return JSON.stringify({
		openapi: "3.1.1",
		info: {
			title: "Traceway Live",
			version,
			description:
				"Traces of LLM applications and agents: Traceway's REST API and live events. OpenTelemetry data go to /v1/traces.",
		},
		paths: OPENAPI_PATHS,
		components: {
			schemas: {
				Error: {
					type: "object",
					required: ["error", "code"],
					properties: {
						error: { type: "string", description: "What is wrong, and where, in one line." },
						code: { type: "string", description: "The same for programs." },
					},
				},
			},
		},
	});
}
