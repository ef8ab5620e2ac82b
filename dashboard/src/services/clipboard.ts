/** Puts a text into the clipboard. Fails where the browser forbids it: without TLS off this machine, or when asked not to. */
export async function copyText(text: string): Promise<void> {
  if (!navigator.clipboard) throw new Error("this page may not use the clipboard");
  await navigator.clipboard.writeText(text);
}
