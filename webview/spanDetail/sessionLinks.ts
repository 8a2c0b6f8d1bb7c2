import { html, nothing, type TemplateResult } from "lit";
import type { SpanDetailView } from "../../src/protocol/messages.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText } from "./blockText.ts";
import type { PageContext } from "./context.ts";
import { words } from "./words.ts";

/** From a run of the task tool to the session that it started, and from a session's root back to that run. */
export function sessionLinks(context: PageContext, detail: SpanDetailView): TemplateResult | typeof nothing {
	const { startedSession, startedBy } = detail;
	if (startedSession !== undefined) {
		return html`<button type="button" class="link-button" @click=${() => context.openStarted()}>
			${icon("robot")}${fill(words.startedSession, lineText(startedSession, 60))}
		</button>`;
	}
	if (startedBy === undefined) return nothing;
	return html`<button type="button" class="link-button" @click=${() => context.openStarter()}>
		${icon("robot")}${fill(words.startedBy, lineText(startedBy.name, 80) || words.noName)}
	</button>`;
}
