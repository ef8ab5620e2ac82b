/** The waterfall of one execution, and how it spent its time. */
export { TimeSpent } from "./TimeSpent";
export { type Selection, Waterfall, type WaterfallProps } from "./Waterfall";
