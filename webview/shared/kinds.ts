import type { IconName } from "./glyphs.ts";

/** What a bar's colour tells. */
export const Category = { model: 0, tool: 1, retrieval: 2, other: 3 } as const;
export type CategoryCode = (typeof Category)[keyof typeof Category];

interface KindLook {
	readonly category: CategoryCode;
	readonly icon: IconName;
}

/**
 * Kinds in the words of Traceway (`llm_call`, `fs_read`, `fs_write`), OpenInference (`LLM`, `RETRIEVER` …), OpenTelemetry
 * (`chat`, `execute_tool`, `invoke_agent`) and their kin, by a part of the word; the first that fits counts.
 */
const LOOKS: readonly (readonly [RegExp, KindLook])[] = [
	[/embed/, { category: Category.retrieval, icon: "symbol-misc" }],
	[/retriev|search|vector|rerank|rag/, { category: Category.retrieval, icon: "search" }],
	[/database|sql|(^|[^a-z])db([^a-z]|$)/, { category: Category.retrieval, icon: "database" }],
	[/llm|generat|complet|chat|prompt|model/, { category: Category.model, icon: "sparkle" }],
	[/fs_write|write_file/, { category: Category.tool, icon: "edit" }],
	[/fs_read|read_file|file/, { category: Category.tool, icon: "file" }],
	[/tool|function|mcp/, { category: Category.tool, icon: "tools" }],
	[/agent/, { category: Category.other, icon: "robot" }],
	[/http|client|server|request/, { category: Category.other, icon: "globe" }],
];

const OTHER: KindLook = { category: Category.other, icon: "symbol-method" };

export function lookOfKind(kind: string): KindLook {
	const word = kind.slice(0, 100).toLowerCase();
	return LOOKS.find(([pattern]) => pattern.test(word))?.[1] ?? OTHER;
}
