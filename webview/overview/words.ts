import { overviewWords } from "../../src/protocol/overviewWords.ts";
import { readWords } from "../shared/words.ts";

export const words = readWords(overviewWords);
