// `sojourn dev` prints an address with the key behind the #, where no server and no log sees it. Imported first, this takes
// it out of the address bar before any other line of the page runs.
let taken = takeFragmentKey();
let listener: (() => void) | undefined;

// Pasted into a tab that shows the sign-in page already: nothing loads again.
window.addEventListener("hashchange", () => {
  const key = takeFragmentKey();
  if (key === undefined) return;
  taken = key;
  listener?.();
});

/** Takes the key out of the address of the sign-in page, and out of the history's entry. */
export function takeFragmentKey(): string | undefined {
  const { pathname, search, hash } = window.location;
  if (pathname !== "/signin" || hash.length < 2) return undefined;
  window.history.replaceState(window.history.state, "", pathname + search);
  return hash.slice(1);
}

/** Gives each key that an address brings to use, the one that is there already too, until the answer is called. */
export function onFragmentKey(use: (key: string) => void): () => void {
  const give = () => {
    const key = taken;
    taken = undefined;
    if (key !== undefined) use(key);
  };
  listener = give;
  give();
  return () => {
    if (listener === give) listener = undefined;
  };
}
