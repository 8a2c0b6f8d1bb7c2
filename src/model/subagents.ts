import type { SpanDetail } from "./span.ts";

/** The tool by which OpenCode's agents start others, each in a session of its own. */
export const TASK_TOOL = "task";

/** `output.value` of such a span holds `<task id="ses_…"`; in JSON the quote is escaped. Ids are made of word characters. */
const STARTED = /<task id=\\?"(ses_\w{1,200})/;

/** Whether ids like this one name sessions that a task may have started. */
export function isTaskSession(sessionId: string): boolean {
	return /^ses_\w+$/.test(sessionId);
}

/** The session that a run of the task tool says to have started; undefined when its output names none. */
export function startedSessionOf({ output }: Pick<SpanDetail, "output">): string | undefined {
	if (output === undefined || output === null) return undefined;
	return STARTED.exec(typeof output === "string" ? output : JSON.stringify(output))?.[1];
}
