/** Every id that `package.json` and the code share; a test compares both, both ways. */

export const ViewId = {
	traces: "traceway.traces",
	sources: "traceway.sources",
	live: "traceway.live",
} as const;

export const PanelId = {
	waterfall: "traceway.waterfall",
	spanDetail: "traceway.spanDetail",
	overview: "traceway.overview",
} as const;

export const STATUS_ITEM_ID = "traceway.status";
/** Scheme of read-only documents with the parts of a span. */
export const DOCUMENT_SCHEME = "traceway";

export const CommandId = {
	connectionConnect: "traceway.connection.connect",
	connectionReconnect: "traceway.connection.reconnect",
	connectionDisconnect: "traceway.connection.disconnect",
	sourceAdd: "traceway.source.add",
	sourceSelect: "traceway.source.select",
	sourceShow: "traceway.source.show",
	sourceRemove: "traceway.source.remove",
	sourceSetToken: "traceway.source.setToken",
	serverStart: "traceway.server.start",
	serverStop: "traceway.server.stop",
	serverCopyUrl: "traceway.server.copyUrl",
	tracesRefresh: "traceway.traces.refresh",
	tracesFilter: "traceway.traces.filter",
	tracesClearFilter: "traceway.traces.clearFilter",
	tracesGroupBy: "traceway.traces.groupBy",
	tracesSortBy: "traceway.traces.sortBy",
	tracesLoadMore: "traceway.traces.loadMore",
	tracesClearAll: "traceway.traces.clearAll",
	traceOpen: "traceway.trace.open",
	traceDelete: "traceway.trace.delete",
	traceCopyId: "traceway.trace.copyId",
	traceCopyLink: "traceway.trace.copyLink",
	traceExport: "traceway.trace.export",
	traceImport: "traceway.trace.import",
	sessionOpen: "traceway.session.open",
	sessionPick: "traceway.session.pick",
	sessionOverview: "traceway.session.overview",
	spanOpen: "traceway.span.open",
	spanDelete: "traceway.span.delete",
	spanCopyJson: "traceway.span.copyJson",
	spanOpenInput: "traceway.span.openInput",
	spanOpenOutput: "traceway.span.openOutput",
	compareMark: "traceway.compare.mark",
	compareWithMarked: "traceway.compare.withMarked",
	compareWithPrevious: "traceway.compare.withPrevious",
	comparePick: "traceway.compare.pick",
	waterfallZoomIn: "traceway.waterfall.zoomIn",
	waterfallZoomOut: "traceway.waterfall.zoomOut",
	waterfallPanLeft: "traceway.waterfall.panLeft",
	waterfallPanRight: "traceway.waterfall.panRight",
	waterfallFitSpan: "traceway.waterfall.fitSpan",
	waterfallFitTrace: "traceway.waterfall.fitTrace",
	waterfallZoomBack: "traceway.waterfall.zoomBack",
	waterfallZoomForward: "traceway.waterfall.zoomForward",
	waterfallNextError: "traceway.waterfall.nextError",
	waterfallPreviousError: "traceway.waterfall.previousError",
	waterfallFoldLevel: "traceway.waterfall.foldLevel",
	waterfallUnfoldLevel: "traceway.waterfall.unfoldLevel",
	waterfallFoldToHere: "traceway.waterfall.foldToHere",
	waterfallToggleGroups: "traceway.waterfall.toggleGroups",
	waterfallToggleCriticalPath: "traceway.waterfall.toggleCriticalPath",
	waterfallFind: "traceway.waterfall.find",
	waterfallFindNext: "traceway.waterfall.findNext",
	waterfallFindPrevious: "traceway.waterfall.findPrevious",
	waterfallFilter: "traceway.waterfall.filter",
	waterfallShowKeys: "traceway.waterfall.showKeys",
	monitorOpen: "traceway.monitor.open",
	liveShow: "traceway.live.show",
	livePause: "traceway.live.pause",
	liveResume: "traceway.live.resume",
	overviewOpen: "traceway.overview.open",
	demoRun: "traceway.demo.run",
	logShow: "traceway.log.show",
} as const;

export const ContextKey = {
	/** What an empty traces view has to say: one of `ViewState`. */
	viewState: "traceway:viewState",
	isFiltered: "traceway:isFiltered",
	isServerRunning: "traceway:isServerRunning",
	/** The mini-server listens where SDKs send by default. */
	isServerOnDefaultPort: "traceway:isServerOnDefaultPort",
	/** The shown source knows no sessions. Put the other way round than those below: before one is shown it may be tried. */
	noSessions: "traceway:noSessions",
	/** The command line's monitor cannot read the shown source. */
	noMonitor: "traceway:noMonitor",
	/** The shown source can delete. */
	canDelete: "traceway:canDelete",
	/** The shown source writes and reads files of traces. */
	hasFiles: "traceway:hasFiles",
	/** The waterfall has the focus, and a single letter is meant for it. */
	waterfallKeys: "traceway:waterfallKeys",
	/** A span is marked for a comparison. */
	hasMarkedSpan: "traceway:hasMarkedSpan",
	/** The live panel keeps what it shows. */
	isLivePaused: "traceway:isLivePaused",
} as const;

export type ViewState =
	| "starting"
	| "connecting"
	| "empty"
	| "emptyRemote"
	| "noMatch"
	| "unauthorized"
	| "failed"
	| "disconnected"
	| "traces";

/** `contextValue` of tree rows, for the menus' when-clauses. */
export const RowKind = {
	trace: "trace",
	span: "span",
	placeholder: "placeholder",
	group: "group",
	/** The group of a session's traces. */
	session: "session",
	loadMore: "loadMore",
	/** A source that is not connected. */
	source: "source",
	sourceLive: "sourceLive",
	/** It should be connected and is not live. */
	sourceTrouble: "sourceTrouble",
	/** It wants a token, or another one. */
	sourceRefused: "sourceRefused",
	localSource: "localSource",
	localSourceLive: "localSourceLive",
	localSourceTrouble: "localSourceTrouble",
} as const;
