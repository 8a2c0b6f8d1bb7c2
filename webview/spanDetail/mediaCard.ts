import { html, nothing, type TemplateResult } from "lit";
import { ref } from "lit/directives/ref.js";
import { formatBytes } from "../../src/model/format.ts";
import type { MediaView, SpanPart } from "../../src/protocol/messages.ts";
import type { IconName } from "../shared/glyphs.ts";
import { icon } from "../shared/icons.ts";
import { fill } from "../shared/words.ts";
import { lineText } from "./blockText.ts";
import type { PageContext } from "./context.ts";
import { words } from "./words.ts";

const LOOKS: Readonly<Record<MediaView["type"], { readonly icon: IconName; readonly label: string }>> = {
	image: { icon: "file-media", label: words.media_image },
	audio: { icon: "unmute", label: words.media_audio },
	video: { icon: "device-camera-video", label: words.media_video },
	file: { icon: "file", label: words.media_file },
};

/** "Image · image/png · 5.4 kB", and the picture itself once it came into view. Nothing is fetched. */
export function mediaContent(context: PageContext, media: MediaView, part: SpanPart, role: string): TemplateResult {
	const look = LOOKS[media.type];
	const facts = [media.name, media.mediaType].filter((fact) => fact !== undefined).map((fact) => lineText(fact, 120));
	if (media.bytes !== undefined) facts.push(formatBytes(media.bytes));
	return html`<div class="media">
		<span class="media-chip">${icon(look.icon)}<span>${[look.label, ...facts].join(" · ")}</span></span>
		${
			media.reference === undefined
				? nothing
				: html`<p class="reference">${fill(words.notFetched, lineText(media.reference, 500))}</p>`
		}
		${media.canShow ? picture(context, part, fill(words.imageFrom, role)) : nothing}
	</div>`;
}

function picture(context: PageContext, part: SpanPart, name: string): TemplateResult {
	const uri = context.imageOf(part);
	if (uri === "none") return html`<p class="empty">${words.imageBroken}</p>`;
	if (uri === undefined) {
		const watch = (place?: Element): void => {
			if (place !== undefined) context.watchImage(place, part);
		};
		return html`<div class="picture-place" ${ref(watch)}>${words.imageLoading}</div>`;
	}
	return html`<img class="picture" src=${uri} alt=${name} @error=${() => context.failImage(part)} />`;
}
