/**
 * What was given is no OTLP at all (`malformed`), or holds more than is taken at once (`tooLarge`). The message is one line that
 * names the place. Problems of single spans are counted instead (`DecodeResult`).
 */
export class OtlpError extends Error {
	readonly reason: "malformed" | "tooLarge";
	constructor(reason: OtlpError["reason"], message: string) {
		super(message);
		this.name = "OtlpError";
		this.reason = reason;
	}
}
