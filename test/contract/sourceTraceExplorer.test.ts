import { describeSource } from "./support/sourceContract.ts";
import { traceExplorerFixture } from "./support/sources/traceExplorerFixture.ts";

describeSource(traceExplorerFixture);
