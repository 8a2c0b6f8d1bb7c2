import { waterfallWords } from "../../src/protocol/waterfallWords.ts";
import { readWords } from "../shared/words.ts";

export const words = readWords(waterfallWords);
