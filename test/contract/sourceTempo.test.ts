import { describeSource } from "./support/sourceContract.ts";
import { tempoFixture } from "./support/sources/tempoFixture.ts";

describeSource(tempoFixture);
