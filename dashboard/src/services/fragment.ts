// `sojourn dev` prints an address with the key behind the #, where no server and no log sees it. Imported first, this takes
// it out of the address bar before any other line of the page runs.
let taken = takeFragmentKey();

/** Takes the key out of the address of the sign-in page, and out of the history's entry. */
export function takeFragmentKey(): string | undefined {
  const { pathname, search, hash } = window.location;
  if (pathname !== "/signin" || hash.length < 2) return undefined;
  window.history.replaceState(window.history.state, "", pathname + search);
  return hash.slice(1);
}

/** The key that the address brought, once. */
export function fragmentKey(): string | undefined {
  const key = taken;
  taken = undefined;
  return key;
}
