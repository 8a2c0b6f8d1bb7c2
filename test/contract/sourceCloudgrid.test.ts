import { describeSource } from "./support/sourceContract.ts";
import { cloudgridFixture } from "./support/sources/cloudgridFixture.ts";

describeSource(cloudgridFixture);
