import { isObject, type Json, text } from "./messageShapes.ts";

/** What a part of a message carries that is no text: inline as base64, or by a reference that is never fetched. */
export interface MessageMedia {
	readonly type: "image" | "audio" | "video" | "file";
	/** `image/png`; undefined where the record does not say. */
	readonly mediaType: string | undefined;
	/** Base64 or base64url, as it was recorded; undefined when the part only refers to something. */
	readonly data: string | undefined;
	/** URL or the provider's id of a file. */
	readonly reference: string | undefined;
	readonly name: string | undefined;
}

/** `type` words of parts that are media; the key of the value differs by provider. */
const MEDIA_TYPES: Readonly<Record<string, MessageMedia["type"]>> = {
	image: "image",
	image_url: "image",
	input_image: "image",
	output_image: "image",
	image_generation_call: "image",
	input_audio: "audio",
	output_audio: "audio",
	audio: "audio",
	audio_url: "audio",
	video: "video",
	video_url: "video",
	file: "file",
	input_file: "file",
	document: "file",
	blob: "file",
	uri: "file",
	media: "file",
};

/**
 * The media of one part of a message; undefined when it is none. Knows OpenAI (chat and responses), Anthropic, Gemini, the Vercel
 * AI SDK (version 4 to 7), LangChain, MCP, OpenInference and OpenTelemetry GenAI (`blob`, `uri`, `file`). Looks at most two
 * levels down and copies no data but that of a data URI.
 */
export function mediaOf(part: Json): MessageMedia | undefined {
	// Gemini names the part by its key.
	const gemini = part.inlineData ?? part.inline_data ?? part.fileData ?? part.file_data;
	if (part.type === undefined) return isObject(gemini) ? described("file", gemini, gemini) : undefined;
	const type = text(part.type) ?? "";
	if (!Object.hasOwn(MEDIA_TYPES, type)) return undefined;
	const inner = [
		part.source,
		part.image_url,
		part.input_audio,
		part.audio_url,
		part.video_url,
		part.file,
		part.image,
		part.data,
	].find(isObject);
	const media = described(MEDIA_TYPES[type], isObject(inner?.image) ? inner.image : (inner ?? part), part);
	// A word that promises media without any: a tool's own object, shown as it is.
	return media.data === undefined && media.reference === undefined ? undefined : media;
}

/** What the model answered by voice: `message.audio` of OpenAI's chat, and its words. */
export function spokenMedia(audio: unknown): MessageMedia | undefined {
	if (!isObject(audio) || (audio.data === undefined && audio.id === undefined)) return undefined;
	return {
		...described("audio", audio, audio),
		reference: text(audio.data) === undefined ? text(audio.id) : undefined,
	};
}

function described(word: MessageMedia["type"], value: Json, part: Json): MessageMedia {
	const given =
		text(value.url) ??
		text(value.data) ??
		text(value.base64) ??
		text(value.file_data) ??
		text(value.result) ??
		text(value.image_url) ??
		text(value.file_url) ??
		text(value.image) ??
		text(value.audio) ??
		text(value.fileUri) ??
		text(value.file_uri) ??
		text(value.uri) ??
		text(value.content);
	const uri = given === undefined ? undefined : dataUri(given);
	const format = text(value.format) ?? text(value.output_format);
	const mediaType =
		uri?.mediaType ??
		text(value.media_type) ??
		text(value.mediaType) ??
		text(value.mimeType) ??
		text(value.mime_type) ??
		text(part.media_type) ??
		text(part.mediaType) ??
		text(part.mimeType) ??
		text(part.mime_type) ??
		(format === undefined ? undefined : `${word}/${format}`);
	const isLink = given !== undefined && uri === undefined && /^[a-z][a-z0-9+.-]*:/i.test(given.slice(0, 40));
	const isData = given !== undefined && uri === undefined && !isLink && isBase64(given);
	return {
		type: kindOf(word, mediaType, text(part.modality)),
		mediaType,
		data: uri?.data ?? (isData ? given : undefined),
		// Anything else, such as the text of a document, is no media.
		reference: isLink ? given : (text(value.file_id) ?? text(value.fileId)),
		name: text(value.filename) ?? text(part.filename) ?? text(part.title) ?? text(part.name),
	};
}

/** What the media type says goes before the word of the part: a file may be an image. */
function kindOf(
	word: MessageMedia["type"],
	mediaType: string | undefined,
	modality: string | undefined,
): MessageMedia["type"] {
	for (const said of [mediaType?.split("/", 1)[0], modality]) {
		if (said === "image" || said === "audio" || said === "video") return said;
	}
	return word;
}

/** `data:image/png;base64,…`; undefined for anything else, also for data URIs that are not base64. */
function dataUri(given: string): { readonly mediaType: string | undefined; readonly data: string } | undefined {
	if (!given.startsWith("data:")) return undefined;
	const comma = given.slice(0, 300).indexOf(",");
	const head = given.slice(5, Math.max(5, comma));
	if (comma === -1 || !head.endsWith(";base64")) return undefined;
	return { mediaType: text(head.split(";", 1)[0]), data: given.slice(comma + 1) };
}

/** Whether a text can be base64, by its beginning. */
function isBase64(given: string): boolean {
	return /^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(given.slice(0, 1_000).replaceAll(/[\r\n]/g, ""));
}

/** Bytes behind base64 text. */
export function decodedBytes(base64: string): number {
	const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
	return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

/** Raster formats that a browser decodes and that hold no script: the only ones that are shown. */
const SHOWN_TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"]);

/** First characters of the base64 of an image, for parts that do not say which one it is. */
const SIGNATURES: readonly (readonly [start: string, mediaType: string])[] = [
	["iVBORw0KGgo", "image/png"],
	["/9j/", "image/jpeg"],
	["R0lGOD", "image/gif"],
	["UklGR", "image/webp"],
];

/**
 * The data URI of an image that a page may show under its policy; undefined for any other media, for other formats, for text
 * that is not base64, and above `maxUnits`.
 */
export function imageUri(media: MessageMedia, maxUnits: number): string | undefined {
	const { data } = media;
	if (media.type !== "image" || data === undefined || data.length > maxUnits) return undefined;
	const said = media.mediaType?.toLowerCase().replace("image/jpg", "image/jpeg");
	const mediaType =
		said !== undefined && SHOWN_TYPES.has(said) ? said : SIGNATURES.find(([start]) => data.startsWith(start))?.[1];
	if (mediaType === undefined || !/^[A-Za-z0-9+/_\s-]+={0,2}\s*$/.test(data)) return undefined;
	return `data:${mediaType};base64,${data.replaceAll("-", "+").replaceAll("_", "/")}`;
}
