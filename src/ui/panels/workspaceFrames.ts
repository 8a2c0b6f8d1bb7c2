import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as vscode from "vscode";
import { framesIn, type StackFrame } from "../../model/stackFrames.ts";

/** A frame whose file is there, inside a folder of the workspace. */
export interface WorkspaceFrame extends StackFrame {
	readonly uri: vscode.Uri;
}

/** Files asked for at most; a stack trace names few of its own program. */
const MAX_FILES = 40;

/**
 * The frames of a text whose files lie in a folder of the workspace. Traces are written by any program: a path that leads
 * elsewhere is no link, whatever it says, and nothing is read but whether the file is there.
 */
export async function workspaceFrames(text: string): Promise<WorkspaceFrame[]> {
	const files = new Map<string, vscode.Uri | undefined>();
	const found: WorkspaceFrame[] = [];
	for (const frame of framesIn(text)) {
		if (!files.has(frame.path)) {
			if (files.size === MAX_FILES) break;
			files.set(frame.path, await fileOf(frame.path));
		}
		const uri = files.get(frame.path);
		if (uri !== undefined) found.push({ ...frame, uri });
	}
	return found;
}

/** Opens the file at the frame's line. */
export async function openFrame({ uri, line, column }: WorkspaceFrame): Promise<void> {
	const place = new vscode.Position(Math.max(0, line - 1), Math.max(0, (column ?? 1) - 1));
	await vscode.window.showTextDocument(uri, { selection: new vscode.Range(place, place), preview: true });
}

async function fileOf(path: string): Promise<vscode.Uri | undefined> {
	for (const folder of vscode.workspace.workspaceFolders ?? []) {
		// Only on a disk: other file systems are asked over a network.
		if (folder.uri.scheme !== "file") continue;
		const absolute = absolutePath(folder.uri.fsPath, path);
		if (absolute === undefined) continue;
		const uri = vscode.Uri.file(absolute);
		// Resolved before: `..` does not lead out of the folder and back into the check.
		if (vscode.workspace.getWorkspaceFolder(uri) === undefined) continue;
		try {
			if ((await vscode.workspace.fs.stat(uri)).type & vscode.FileType.File) return uri;
		} catch {
			// Not there, which is the common case, or not to be read: no link either way.
		}
	}
	return undefined;
}

function absolutePath(folder: string, path: string): string | undefined {
	if (!path.startsWith("file:")) return resolve(folder, path);
	try {
		return fileURLToPath(path);
	} catch {
		// A URL with a host, or of another system's form.
		return undefined;
	}
}
