/** The beginning and the end of an id: its end tells it from its neighbours. */
export const shortId = (id: string): string => `${id.slice(0, 9)}…${id.slice(-6)}`;
