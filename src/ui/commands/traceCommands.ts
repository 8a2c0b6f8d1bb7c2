import * as vscode from "vscode";
import { displayText } from "../../base/displayText.ts";
import type { Disposable } from "../../base/disposable.ts";
import type { SpanPart } from "../../protocol/messages.ts";
import { traceUri } from "../../protocol/traceUri.ts";
import { CommandId } from "../ids.ts";
import { sourceThatCan } from "../sources/capability.ts";
import type { CommandContext } from "./context.ts";
import { registerForRow, spanOf, traceOf } from "./register.ts";

const REQUEST_TIMEOUT_MS = 60_000;

export function registerTraceCommands(context: CommandContext): Disposable[] {
	return [
		registerForRow(context, CommandId.traceOpen, async (argument) => {
			const trace = await traceOf(context, argument);
			if (trace !== undefined) context.panels.openTrace(context.manager.start(), trace.traceId);
		}),
		registerForRow(context, CommandId.traceDelete, (argument) => deleteTrace(context, argument)),
		registerForRow(context, CommandId.traceCopyId, async (argument) => {
			const trace = await traceOf(context, argument);
			if (trace !== undefined) await vscode.env.clipboard.writeText(trace.traceId);
		}),
		registerForRow(context, CommandId.traceCopyLink, async (argument) => {
			const trace = await traceOf(context, argument);
			if (trace === undefined) return;
			const server = context.manager.start().requireSource().config.url;
			await vscode.env.clipboard.writeText(traceUri(vscode.env.uriScheme, { traceId: trace.traceId, server }));
		}),
		registerForRow(context, CommandId.spanOpen, async (argument) => {
			const span = await spanOf(context, argument);
			if (span !== undefined) context.panels.openSpan(context.manager.start(), span.traceId, span.spanId);
		}),
		registerForRow(context, CommandId.spanDelete, (argument) => deleteSpan(context, argument)),
		registerForRow(context, CommandId.spanCopyJson, (argument) => copyJson(context, argument)),
		registerForRow(context, CommandId.spanOpenInput, (argument) => openPart(context, argument, "input")),
		registerForRow(context, CommandId.spanOpenOutput, (argument) => openPart(context, argument, "output")),
	];
}

async function deleteTrace(context: CommandContext, argument: unknown): Promise<void> {
	const trace = await traceOf(context, argument);
	if (trace === undefined) return;
	const connection = context.manager.start();
	const source = sourceThatCan(context.manager, connection, "delete");
	const name = displayText(connection.store.summary(trace.traceId)?.name ?? trace.traceId, 80);
	if (!(await confirmDelete(vscode.l10n.t('Delete the trace "{0}" with all its spans?', name)))) return;
	await source.deleteTrace(trace.traceId, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
}

async function deleteSpan(context: CommandContext, argument: unknown): Promise<void> {
	const span = await spanOf(context, argument);
	if (span === undefined) return;
	const connection = context.manager.start();
	const source = sourceThatCan(context.manager, connection, "delete");
	const name = displayText(connection.store.span(span.traceId, span.spanId)?.name ?? span.spanId, 80);
	if (!(await confirmDelete(vscode.l10n.t('Delete the span "{0}"?', name)))) return;
	await source.deleteSpan(span.traceId, span.spanId, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
}

async function confirmDelete(question: string): Promise<boolean> {
	const remove = vscode.l10n.t("Delete");
	const detail = vscode.l10n.t("It is deleted on the server and cannot be brought back.");
	return (await vscode.window.showWarningMessage(question, { modal: true, detail }, remove)) === remove;
}

async function copyJson(context: CommandContext, argument: unknown): Promise<void> {
	const span = await spanOf(context, argument);
	if (span === undefined) return;
	const source = context.manager.start().requireSource();
	const detail = await source.loadSpan(span.traceId, span.spanId, AbortSignal.timeout(REQUEST_TIMEOUT_MS));
	const { partText } = await import("../panels/spanDetailView.ts");
	await vscode.env.clipboard.writeText(partText(detail, "raw").text);
	vscode.window.setStatusBarMessage(vscode.l10n.t("$(check) Copied"), 2_000);
}

async function openPart(context: CommandContext, argument: unknown, part: SpanPart): Promise<void> {
	const span = await spanOf(context, argument);
	if (span === undefined) return;
	const connection = context.manager.start();
	const name = connection.store.span(span.traceId, span.spanId)?.name ?? span.spanId;
	await context.documents.open(connection.config.id, span.traceId, span.spanId, name, part);
}
