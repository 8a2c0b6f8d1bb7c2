import type { Disposable } from "../../base/disposable.ts";
import { CommandId } from "../ids.ts";
import type { CommandContext } from "./context.ts";
import { register } from "./register.ts";

/** What one does in the waterfall by keys, as commands: so the keys are the user's to change. */
export function registerWaterfallCommands(context: CommandContext): Disposable[] {
	const { panels } = context;
	return [
		register(context, CommandId.waterfallZoomIn, () => panels.runInWaterfall("zoomIn")),
		register(context, CommandId.waterfallZoomOut, () => panels.runInWaterfall("zoomOut")),
		register(context, CommandId.waterfallPanLeft, () => panels.runInWaterfall("panLeft")),
		register(context, CommandId.waterfallPanRight, () => panels.runInWaterfall("panRight")),
		register(context, CommandId.waterfallFitSpan, () => panels.runInWaterfall("fitSpan")),
		register(context, CommandId.waterfallFitTrace, () => panels.runInWaterfall("fitTrace")),
		register(context, CommandId.waterfallZoomBack, () => panels.runInWaterfall("zoomBack")),
		register(context, CommandId.waterfallZoomForward, () => panels.runInWaterfall("zoomForward")),
		register(context, CommandId.waterfallNextError, () => panels.runInWaterfall("nextError")),
		register(context, CommandId.waterfallPreviousError, () => panels.runInWaterfall("previousError")),
		register(context, CommandId.waterfallFoldLevel, () => panels.runInWaterfall("foldLevel")),
		register(context, CommandId.waterfallUnfoldLevel, () => panels.runInWaterfall("unfoldLevel")),
		register(context, CommandId.waterfallFoldToHere, () => panels.runInWaterfall("foldToHere")),
		register(context, CommandId.waterfallToggleGroups, () => panels.runInWaterfall("toggleGroups")),
		register(context, CommandId.waterfallToggleCriticalPath, () => panels.runInWaterfall("toggleCriticalPath")),
		register(context, CommandId.waterfallFind, () => panels.runInWaterfall("find")),
		register(context, CommandId.waterfallFindNext, () => panels.runInWaterfall("findNext")),
		register(context, CommandId.waterfallFindPrevious, () => panels.runInWaterfall("findPrevious")),
		register(context, CommandId.waterfallFilter, () => panels.runInWaterfall("filter")),
		register(context, CommandId.waterfallShowKeys, () => panels.runInWaterfall("showKeys")),
	];
}
