import type { SpanState } from "../model/span.ts";
import type { PackedColumns } from "./packedColumns.ts";
import type { TimeBase, TraceColumns } from "./traceColumns.ts";

/**
 * Everything that host and webviews say to each other. Three kinds: a *command* goes to the host and has no answer, a
 * *request* has one answer or one error, a *notification* goes to the webview. Type words are `noun/verb`.
 * Only plain JSON values and typed arrays.
 */
export const PROTOCOL_VERSION = 1;

/** How the connection behind a page stands, in the three words of the status bar. */
export interface ConnectionView {
	readonly indicator: "live" | "connecting" | "disconnected";
	/** One line for people: "Live", "Reconnecting in 4 s", "Disconnected: the server refused the token". */
	readonly text: string;
}

/** First message of each page; a second one with another client id is a reload and gets a snapshot. */
export interface PageReady {
	readonly type: "page/ready";
	readonly clientId: string;
	readonly protocolVersion: number;
}

// ── Waterfall ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the user arranged in a waterfall; kept by the webview with `setState`, so that a reload restores it. */
export interface WaterfallViewState {
	readonly sourceId: string;
	/** As in the header. */
	readonly traceId: string;
	/** When a session was shown. */
	readonly sessionId?: string | undefined;
	readonly selectedSpanId?: string | undefined;
	/** The selected row when it is that of a group, by its first span, or a missing parent's; beside the span last selected. */
	readonly selectedRow?:
		| { readonly spanId: string; readonly isGroup?: boolean | undefined; readonly besideSpanId?: string | undefined }
		| undefined;
	/** Of spans, and of missing parents whose placeholders are folded. */
	readonly foldedSpanIds?: readonly string[] | undefined;
	/** A span of each group of like siblings that is unfolded. */
	readonly openGroupSpanIds?: readonly string[] | undefined;
	/** False when like siblings are not to be grouped. */
	readonly groupsSiblings?: boolean | undefined;
	/** Pixels. */
	readonly scrollTop?: number | undefined;
	/** The first row in view and its distance from the top: holds where rows above it came and went meanwhile. */
	readonly topRow?:
		| { readonly spanId: string; readonly isGroup?: boolean | undefined; readonly offsetPx: number }
		| undefined;
	/** Share of the width that the tree column takes, 0.15 … 0.85. */
	readonly treeShare?: number | undefined;
	readonly showsCriticalPath?: boolean | undefined;
	/** The part that was zoomed to, nanoseconds from `base`; undefined for the whole trace. */
	readonly timeWindow?: { readonly base: TimeBase; readonly startNs: number; readonly endNs: number } | undefined;
	/** The open search. */
	readonly find?: FindState | undefined;
	readonly filter?: FilterState | undefined;
}

export interface FindState {
	readonly text: string;
	readonly isCaseSensitive: boolean;
	/** Rows without a hit are hidden, not dimmed. */
	readonly isMatchesOnly: boolean;
}

/** Which spans of a waterfall are wanted; an empty list stands for all. */
export interface FilterState {
	readonly kinds: readonly SpanCategory[];
	readonly states: readonly SpanState[];
	/** Shorter spans that have ended are not wanted, nanoseconds; 0 for none. */
	readonly minDurationNs: number;
}

/** What a waterfall tells apart by colour. */
export type SpanCategory = "model" | "tool" | "retrieval" | "other";

/** Longest text that a search takes, UTF-16 units. */
export const MAX_FIND_LENGTH = 1000;

/** What commands of VS Code do in the waterfall; the keys that are bound to them are the user's to change. */
export type WaterfallCommand =
	| "zoomIn"
	| "zoomOut"
	| "panLeft"
	| "panRight"
	| "fitSpan"
	| "fitTrace"
	| "zoomBack"
	| "zoomForward"
	| "nextError"
	| "previousError"
	| "foldLevel"
	| "unfoldLevel"
	| "foldToHere"
	| "toggleGroups"
	| "toggleCriticalPath"
	| "find"
	| "findNext"
	| "findPrevious"
	| "filter"
	| "showKeys";

export type WaterfallToHost =
	| PageReady
	/** The user picked a span: details that are open follow. */
	| { readonly type: "span/select"; readonly spanId: string }
	/** Enter or double click: details are to be opened. */
	| { readonly type: "span/open"; readonly spanId: string }
	/** Whether a single letter pressed now is meant for the waterfall: it has the focus, and no field in it does. */
	| { readonly type: "keys/changed"; readonly isWanted: boolean }
	/** The user wants to see or change the keys of the commands. */
	| { readonly type: "keys/open" }
	/**
	 * Look for a text in what the page does not have: attributes, payloads, errors. In place of an earlier search; goes on, as
	 * spans change, until `search/end`. Answered by `search/hits`.
	 */
	| {
			readonly type: "trace/search";
			/** Of the page's counting: answers carry it. */
			readonly searchId: number;
			/** At most `MAX_FIND_LENGTH`. */
			readonly text: string;
			readonly isCaseSensitive: boolean;
	  }
	| { readonly type: "search/end" }
	/** Revisions do not join: send a snapshot. */
	| { readonly type: "trace/resync" };

export interface TraceHeader {
	/** Of a session, what stands for it in place of a trace's id. */
	readonly traceId: string;
	readonly name: string;
	/** When all spans of a session are shown; else undefined. */
	readonly session?: SessionHeader | undefined;
	readonly state: SpanState;
	readonly spanCount: number;
	readonly failedCount: number;
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
	/** Spans that the bound kept out. */
	readonly droppedSpans: number;
	/** Ids of parents that are expected to arrive yet, because spans below them have and no root has; some of them, if many. */
	readonly awaitedRootIds?: readonly string[] | undefined;
}

/** What a session says beyond the sums that a trace has, too. */
export interface SessionHeader {
	readonly sessionId: string;
	readonly traceCount: number;
	readonly modelCalls: number;
	readonly toolCalls: number;
	/** Traces with a failed span. */
	readonly failedTraces: number;
	/** Mean over the traces that have ended, nanoseconds; undefined while none has. */
	readonly averageTraceNs: number | undefined;
	/** Names, sorted; many are cut. */
	readonly models: readonly string[];
	/** A span runs, or a root has not arrived yet. */
	readonly isOpen: boolean;
}

export type HostToWaterfall =
	| { readonly type: "trace/loading"; readonly sourceId: string; readonly traceId: string }
	| {
			readonly type: "trace/snapshot";
			readonly sourceId: string;
			readonly revision: number;
			readonly base: TimeBase;
			/** Milliseconds to add to this machine's clock to get the server's, for bars that still run. 0 when unknown. */
			readonly clockOffsetMs: number;
			readonly header: TraceHeader;
			readonly columns: TraceColumns | PackedColumns;
	  }
	| {
			/** Applies to the state at `baseRevision` only. Ordinals at or past the current count are new spans, in order. */
			readonly type: "trace/delta";
			readonly baseRevision: number;
			readonly revision: number;
			readonly header: TraceHeader;
			readonly columns: TraceColumns;
	  }
	/** What the page has by now, if nothing was lost on the way. */
	| { readonly type: "trace/revision"; readonly revision: number }
	/** The trace is gone: deleted, cleared or evicted. */
	| {
			readonly type: "trace/removed";
			readonly reason: "deleted" | "cleared" | "evicted";
			/** A session was shown. */
			readonly isSession?: boolean;
	  }
	| { readonly type: "trace/error"; readonly message: string }
	/** Selection came from elsewhere (the tree, the details). */
	| { readonly type: "selection/changed"; readonly spanId: string | undefined; readonly reveal: boolean }
	| { readonly type: "connection/changed"; readonly connection: ConnectionView }
	| {
			/** More hits of a search. */
			readonly type: "search/hits";
			readonly searchId: number;
			/** Ordinals, in any order; some may have been told before, or be of spans that come with the next delta. */
			readonly ordinals: Uint32Array;
			readonly isDone: boolean;
			/**
			 * Why there are no hits, or not all: the server has no such search, or one that does not know attributes, errors and
			 * events; or it failed, as `message` says.
			 */
			readonly problem: "unsupported" | "payloadsOnly" | "failed" | undefined;
			readonly message?: string | undefined;
	  }
	/** The user ran a command of VS Code. */
	| { readonly type: "view/run"; readonly command: WaterfallCommand };

// ── Span details ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SpanDetailViewState {
	readonly sourceId: string;
	readonly traceId: string;
	readonly spanId: string;
}

/**
 * The parts of a span that can be opened as a document or copied: its sections, one message of `inputMessages` or
 * `outputMessages`, one entry of `attributes`.
 */
export type SpanPart =
	| "input"
	| "output"
	| "attributes"
	| "error"
	| "stack"
	| "events"
	| "links"
	| "resource"
	| "scope"
	| "otel"
	| "raw"
	| `inputMessage-${number}`
	| `outputMessage-${number}`
	| `attribute-${number}`;

/** Whether a word from a page or an address names a part; the number may still be past the end. */
export function isSpanPart(value: unknown): value is SpanPart {
	return (
		typeof value === "string" &&
		/^(?:input|output|attributes|error|stack|events|links|resource|scope|otel|raw|(?:inputMessage|outputMessage|attribute)-\d{1,6})$/.test(
			value,
		)
	);
}

export type SpanDetailToHost =
	| PageReady
	| { readonly type: "part/open"; readonly part: SpanPart }
	| { readonly type: "part/copy"; readonly part: SpanPart }
	/** A part that came cut is wanted whole, up to `MAX_WHOLE_BYTES`. */
	| { readonly type: "part/load"; readonly part: SpanPart }
	| { readonly type: "text/copy"; readonly text: string }
	/** The whole span, in a format that the host asks for. */
	| { readonly type: "span/copy" }
	/** What this span may be compared with is wanted. */
	| { readonly type: "span/compare" }
	/** The image of a message came into view. */
	| { readonly type: "image/load"; readonly part: SpanPart }
	/** Another span of the same trace: the call before, for one. */
	| { readonly type: "span/show"; readonly spanId: string }
	/** The span that a link of this one names. */
	| { readonly type: "link/open"; readonly index: number }
	/** The session that this span started. */
	| { readonly type: "session/open" }
	/** The span that started this one's session. */
	| { readonly type: "starter/open" }
	/** A frame of `errorFrames` or `stackFrames`. */
	| { readonly type: "frame/open"; readonly part: "error" | "stack"; readonly index: number }
	| { readonly type: "trace/open" }
	| { readonly type: "detail/retry" };

/** Bytes of a part that a page takes whole: JSON as a tree, any other text by lines. Above it there is the editor. */
export const MAX_WHOLE_BYTES = { json: 8_000_000, plaintext: 1_000_000 } as const;

/** Text of one part of a span. Whatever is longer than the page's bound is cut here, with its true size beside it. */
export interface PartText {
	readonly text: string;
	/** Size of the whole part in UTF-8. */
	readonly totalBytes: number;
	readonly isCut: boolean;
	readonly language: "json" | "plaintext";
}

/** One message of an LLM conversation, normalised for a role card. */
export interface MessageView {
	readonly role: string;
	readonly content: PartText;
	/** Name of a tool, for calls and results. */
	readonly toolName?: string | undefined;
	/** Joins a call with its result. */
	readonly toolCallId?: string | undefined;
	readonly kind: "text" | "toolCall" | "toolResult" | "media";
	/** For media; `content` is the beginning of the part's JSON. */
	readonly media?: MediaView;
}

/** An image, a recording or a file inside a message. The page asks for an image when it comes into view. */
export interface MediaView {
	readonly type: "image" | "audio" | "video" | "file";
	/** `image/png`; undefined where the record does not say. */
	readonly mediaType: string | undefined;
	readonly name: string | undefined;
	/** Size of the media itself, decoded; undefined when the message only refers to it. */
	readonly bytes: number | undefined;
	/** Address or id of what the message refers to. Never fetched. */
	readonly reference: string | undefined;
	/** True for an image that the host can give as a data URI. */
	readonly canShow: boolean;
}

/** What of `inputMessages` an earlier call of the same trace already showed. */
export interface HistoryView {
	/** Messages from the first that is no system prompt on. */
	readonly count: number;
	/** The call that showed them. */
	readonly spanId: string;
	readonly name: string;
}

/** What records a program's calls, as far as its settings for messages differ. */
export type CaptureKind = "genAi" | "aiSdk" | "openInference" | "traceloop" | "pydanticAi" | "own";

/** Another span of the same trace. */
export interface SpanRefView {
	readonly spanId: string;
	readonly name: string;
}

/** The span that ran a tool call of a message. */
export interface ToolLinkView extends SpanRefView {
	/** The message with the call. */
	readonly part: SpanPart;
	readonly state: SpanState;
	/** Undefined while it runs. */
	readonly durationNs: number | undefined;
}

/** Names and values; `omitted` more are left out. */
export interface AttributeTable {
	readonly rows: readonly { readonly key: string; readonly value: PartText }[];
	readonly omitted: number;
	/** Size of all of it as JSON, in UTF-8. */
	readonly totalBytes: number;
}

/** A moment of a span. */
export interface SpanEventView {
	readonly name: string;
	/** RFC 3339, as sent. */
	readonly time: string | undefined;
	/** Nanoseconds since the start of the span; negative when it lies before. */
	readonly offsetNs: number | undefined;
	readonly attributes: AttributeTable;
}

export interface SpanLinkView {
	readonly traceId: string;
	readonly spanId: string;
	/** Known when the trace is there: then the link opens it. */
	readonly traceName: string | undefined;
	readonly attributes: AttributeTable;
}

/** A place in a text that names a file of the workspace, in UTF-16 units of the part's text. */
export interface FrameView {
	readonly start: number;
	readonly end: number;
	/** Which of the host's frames it is. */
	readonly index: number;
}

export interface SpanDetailView {
	readonly sourceId: string;
	readonly traceId: string;
	readonly traceName: string;
	readonly spanId: string;
	readonly parentSpanId: string | undefined;
	readonly name: string;
	readonly kind: string;
	/** A call of a model: messages are to be expected. */
	readonly isLlm: boolean;
	/** Marked for a comparison. */
	readonly isMarked: boolean;
	readonly state: SpanState;
	readonly model: string | undefined;
	readonly provider: string | undefined;
	/** Which setting decides whether messages are sent. */
	readonly capture: CaptureKind;
	/** RFC 3339 with all known digits. */
	readonly startedAt: string | undefined;
	readonly endedAt: string | undefined;
	/** Epoch milliseconds by the server's clock, for the ticking duration of a running span. */
	readonly startMs: number | undefined;
	readonly durationNs: number | undefined;
	readonly clockOffsetMs: number;
	readonly inputTokens: number | undefined;
	readonly outputTokens: number | undefined;
	/** Parts of the input and, the last, of the output. */
	readonly cacheReadTokens: number | undefined;
	readonly cacheWriteTokens: number | undefined;
	readonly reasoningTokens: number | undefined;
	readonly costUsd: number | undefined;
	readonly isCostEstimated: boolean;
	/** True when tokens and cost sum up what is below the span. */
	readonly isRollup: boolean;
	/** True when the input tokens are those of both ways. */
	readonly isTokenTotal?: true | undefined;
	/** Why the model stopped, in the provider's words. */
	readonly finishReasons: readonly string[];
	readonly firstTokenNs: number | undefined;
	/** Output tokens a second, over the time after the first token where that is known. */
	readonly tokensPerSecond: number | undefined;
	/** Words for people: "1,200 in × $0.15 + 80 out × $0.60 per million (gpt-4o-mini, prices of 2026-09-23)". */
	readonly costFormula: string | undefined;
	readonly error: PartText | undefined;
	readonly errorFrames: readonly FrameView[];
	/** Of the exception that the span recorded, unless the error has it. */
	readonly stack: PartText | undefined;
	readonly stackFrames: readonly FrameView[];
	/** Conversation found in the input; then the answer found in the output. Empty when there is none. */
	readonly inputMessages: readonly MessageView[];
	readonly outputMessages: readonly MessageView[];
	/** Undefined until the call before was read, and where there is none. */
	readonly history: HistoryView | undefined;
	/** Tool calls of the messages whose spans were found; looked for after the span is on screen. */
	readonly toolLinks: readonly ToolLinkView[];
	/** For a tool run: the model call that asked for it. */
	readonly askedBy: SpanRefView | undefined;
	/** For a run of the task tool: the session that it started. */
	readonly startedSession: string | undefined;
	/** For a root of such a session: the run that started it, in another trace. */
	readonly startedBy: SpanRefView | undefined;
	/** Messages past the bound that were left out of `inputMessages`: the oldest, after a leading system prompt. */
	readonly omittedMessages: number;
	readonly input: PartText | undefined;
	readonly output: PartText | undefined;
	/** Key and JSON value, in the order of the wire. */
	readonly attributes: readonly { readonly key: string; readonly value: PartText }[];
	/** Attributes past the bound that were left out. */
	readonly omittedAttributes: number;
	/** Size of all attributes as JSON, in UTF-8. */
	readonly attributesBytes: number;
	readonly events: readonly SpanEventView[];
	readonly omittedEvents: number;
	/** Size of all of them as JSON, in UTF-8. */
	readonly eventsBytes: number;
	readonly links: readonly SpanLinkView[];
	readonly omittedLinks: number;
	readonly linksBytes: number;
	readonly resource: AttributeTable | undefined;
	readonly scope: AttributeTable | undefined;
	/** What else OpenTelemetry says of the span. */
	readonly otel: AttributeTable | undefined;
	readonly raw: PartText;
}

export type HostToSpanDetail =
	| { readonly type: "detail/loading"; readonly state: SpanDetailViewState; readonly name: string }
	| { readonly type: "detail/value"; readonly detail: SpanDetailView }
	| { readonly type: "detail/error"; readonly message: string; readonly canRetry: boolean }
	| { readonly type: "detail/removed" }
	/** Answers `part/load`. Cut like any other part when it is longer than a page takes. */
	| { readonly type: "part/value"; readonly spanId: string; readonly part: SpanPart; readonly text: PartText }
	/** Answers `image/load`; without a URI the image cannot be shown. */
	| { readonly type: "image/value"; readonly spanId: string; readonly part: SpanPart; readonly uri: string | undefined }
	| { readonly type: "connection/changed"; readonly connection: ConnectionView };
