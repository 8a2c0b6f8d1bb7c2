import { describeSource } from "./support/sourceContract.ts";
import { tracellmFixture } from "./support/sources/tracellmFixture.ts";

describeSource(tracellmFixture);
