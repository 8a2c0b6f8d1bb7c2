import { displayText } from "../base/displayText.ts";

const MAX_CHARACTERS = 400;

/**
 * Text of a server or a trace, made fit for a notification. VS Code turns `[label](command:…)` in a notification into a link
 * that runs the command, whoever sent the message; here it stays text.
 */
export function noticeText(text: string): string {
	return displayText(text, MAX_CHARACTERS).replaceAll("](", "] (");
}
