/** Saves a text that the page has as a file of the person's machine. */
export function saveText(name: string, text: string, type = "application/json"): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the content by the time the click returns, but some open it a moment later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
