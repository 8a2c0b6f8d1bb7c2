import { Client, credentials, logVerbosity, Metadata, type ServiceError, setLogVerbosity, status } from "@grpc/grpc-js";

/** How one gRPC call ended: the code's name, `OK` among them, and what the other side said. */
export interface GrpcOutcome {
	readonly code: string;
	readonly details: string;
}

const EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/** Sends an `ExportTraceServiceRequest` as an exporter would. Never rejects. A chunk of its own, because the library is large. */
export function sendGrpc(
	url: string,
	message: Buffer,
	headers: Readonly<Record<string, string>>,
	timeoutMs: number,
): Promise<GrpcOutcome> {
	setLogVerbosity(logVerbosity.NONE);
	const { host, protocol } = new URL(url);
	const client = new Client(host, protocol === "https:" ? credentials.createSsl() : credentials.createInsecure());
	const metadata = new Metadata();
	for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
	return new Promise((resolve) => {
		const finish = (outcome: GrpcOutcome) => {
			client.close();
			resolve(outcome);
		};
		client.makeUnaryRequest(
			EXPORT,
			(bytes: Buffer) => bytes,
			(bytes) => bytes,
			message,
			metadata,
			{ deadline: Date.now() + timeoutMs },
			(error: ServiceError | null) => {
				if (error === null) finish({ code: "OK", details: "" });
				else finish({ code: status[error.code] ?? String(error.code), details: error.details });
			},
		);
	});
}
