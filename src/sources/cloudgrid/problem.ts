import { SourceError } from "../source.ts";
import { asObject, decodeWord } from "../wire.ts";

const MAX_TEXT = 300;

/** One of CloudGrid's numbered errors, by its id or by its upper-case name. */
interface KnownProblem {
	readonly reason: SourceError["reason"];
	readonly isRetryable: boolean;
	/** What a person can do, in place of the server's own words; undefined shows those. */
	readonly words?: string;
}

/** Reference, section 7. */
const PROBLEMS: Readonly<Record<string, readonly [code: string, known: KnownProblem]>> = {
	"ERR-001": ["VALIDATION_FAILED", { reason: "protocol", isRetryable: false }],
	"ERR-002": ["UNSUPPORTED_MEDIA_TYPE", { reason: "protocol", isRetryable: false }],
	"ERR-003": ["INVALID_CURSOR", { reason: "protocol", isRetryable: false }],
	"ERR-004": ["TRACE_NOT_FOUND", { reason: "notFound", isRetryable: false }],
	"ERR-005": ["METHOD_NOT_ALLOWED", { reason: "protocol", isRetryable: false }],
	"ERR-006": ["STORAGE_UNAVAILABLE", { reason: "serverError", isRetryable: true }],
	"ERR-007": ["PARTIAL_WRITE", { reason: "serverError", isRetryable: true }],
	"ERR-012": ["REQUEST_TIMEOUT", { reason: "timeout", isRetryable: true }],
	"ERR-013": ["MESSAGE_BRIDGE_UNAVAILABLE", { reason: "serverError", isRetryable: true }],
	"ERR-014": ["MESSAGE_BRIDGE_TIMEOUT", { reason: "timeout", isRetryable: true }],
	"ERR-015": [
		"UNAUTHENTICATED",
		{
			reason: "unauthorized",
			isRetryable: false,
			words: "it asks for a token, or does not accept the one that is set",
		},
	],
	"ERR-016": [
		"FORBIDDEN",
		{
			reason: "forbidden",
			isRetryable: false,
			words: "the token lacks a scope; live traces need telemetry:read and telemetry:live",
		},
	],
	"ERR-017": ["SUBSCRIPTION_LIMIT_EXCEEDED", { reason: "rateLimited", isRetryable: true }],
	"ERR-023": ["RESPONSE_CONTRACT_INVALID", { reason: "protocol", isRetryable: false }],
};

const ID_OF_CODE: ReadonlyMap<string, string> = new Map(Object.entries(PROBLEMS).map(([id, [code]]) => [code, id]));

/** A GraphQL answer with errors, in our words. */
export class CloudgridProblem extends SourceError {
	/** `ERR-001` …; undefined for an error that has no number. */
	readonly id: string | undefined;
	/** False for an error with neither an id nor a code. */
	readonly isNamed: boolean;
	/** Whether the same may be tried again by itself. */
	readonly isRetryable: boolean;
	/** Fields of ours that the server says it does not have; empty when it names none. */
	readonly unknownFields: readonly string[];

	constructor(
		reason: SourceError["reason"],
		message: string,
		details: Pick<CloudgridProblem, "id" | "isNamed" | "isRetryable" | "unknownFields" | "retryAfterSeconds">,
	) {
		super(reason, message, { retryAfterSeconds: details.retryAfterSeconds });
		this.name = "CloudgridProblem";
		this.id = details.id;
		this.isNamed = details.isNamed;
		this.isRetryable = details.isRetryable;
		this.unknownFields = details.unknownFields;
	}
}

/**
 * The `errors` of a GraphQL answer as one error; undefined when there are none. By `extensions.problem.id`, else by
 * `extensions.code`; an error with neither is a fault of the server that may pass. `hide` takes secrets out of its text.
 */
export function problemOf(
	errors: unknown,
	hide: (text: string) => string,
	retryAfterSeconds?: number | undefined,
): CloudgridProblem | undefined {
	if (errors === undefined || errors === null) return undefined;
	const list = Array.isArray(errors) ? errors.slice(0, 20) : [errors];
	if (list.length === 0) return undefined;
	const unknownFields = list.flatMap((error) => fieldsNamedBy(asObject(error)?.message));
	const first = asObject(list[0]);
	const extensions = asObject(first?.extensions);
	const problem = asObject(extensions?.problem);
	const saidId = decodeWord(problem?.id);
	const code = decodeWord(problem?.code) ?? decodeWord(extensions?.code);
	const id = saidId !== undefined && saidId in PROBLEMS ? saidId : (ID_OF_CODE.get(code ?? "") ?? saidId);
	const known = Object.hasOwn(PROBLEMS, id ?? "") ? PROBLEMS[id ?? ""][1] : undefined;
	const isNamed = id !== undefined || code !== undefined;
	const isRetryable =
		known?.isRetryable ??
		(typeof problem?.retryable === "boolean" ? problem.retryable : !isNamed && unknownFields.length === 0);
	const text = clean(hide(String(first?.message ?? problem?.detail ?? "an error without words")));
	const name = id ?? code;
	return new CloudgridProblem(
		known?.reason ?? (isRetryable ? "serverError" : "protocol"),
		`CloudGrid: ${known?.words ?? text}${name === undefined ? "" : ` (${clean(name)})`}`,
		{ id, isNamed, isRetryable, unknownFields, retryAfterSeconds },
	);
}

/** GraphQL's own wording (graphql-js, rule FieldsOnCorrectType), which every server built on it repeats. */
function fieldsNamedBy(message: unknown): string[] {
	if (typeof message !== "string") return [];
	return [...message.slice(0, 10_000).matchAll(/Cannot query field ["'](\w{1,64})["']/g)].map(([, field]) => field);
}

/** One line of bounded length. */
export function clean(text: string): string {
	const line = text
		.slice(0, MAX_TEXT * 4)
		.replace(/[\s\p{Cc}]+/gu, " ")
		.trim();
	return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT - 1)}…` : line;
}
