import { describeSource } from "./support/sourceContract.ts";
import { tracewayFixture } from "./support/sources/tracewayFixture.ts";

describeSource(tracewayFixture);
