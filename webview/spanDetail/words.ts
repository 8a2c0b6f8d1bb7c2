import { spanDetailWords } from "../../src/protocol/spanDetailWords.ts";
import { readWords } from "../shared/words.ts";

export const words = readWords(spanDetailWords);
