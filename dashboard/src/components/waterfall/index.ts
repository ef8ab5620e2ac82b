/** The waterfall of one execution, and how it spent its time. */
export { type KindTotal, type TimeTotals, timeTotals } from "./totals";
export { type Selection, Waterfall, type WaterfallProps } from "./Waterfall";
