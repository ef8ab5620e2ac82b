// What the content security policy asks of the page, made true before anything draws.
//
// It requires trusted types: no text becomes HTML or script. One thing in the page sets innerHTML: Mantine, with the style
// sheets of its variables. The policy lets through what cannot be markup, because it has no "<", and refuses all else.
interface Policies {
  createPolicy: (name: string, rules: { createHTML: (text: string) => string | null }) => unknown;
}

export function styleTextOnly(text: string): string | null {
  return text.includes("<") ? null : text;
}

// Browsers without trusted types need no policy.
(window as { trustedTypes?: Policies }).trustedTypes?.createPolicy("default", { createHTML: styleTextOnly });

/** The nonce of this answer, which style elements must carry. */
export const styleNonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

// The style element that keeps the page still behind a dialog (react-remove-scroll, in Mantine) looks for it here.
(window as { __webpack_nonce__?: string }).__webpack_nonce__ = styleNonce;
