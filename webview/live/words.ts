import { liveWords } from "../../src/protocol/liveWords.ts";
import { readWords } from "../shared/words.ts";

export const words = readWords(liveWords);
