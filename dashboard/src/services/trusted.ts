// The page requires trusted types: no text becomes HTML or script. One thing in it sets innerHTML: Mantine, with the style
// sheets of its variables. The policy lets through what cannot be markup, because it has no "<", and refuses all else.
interface Policies {
  createPolicy: (name: string, rules: { createHTML: (text: string) => string | null }) => unknown;
}

export function styleTextOnly(text: string): string | null {
  return text.includes("<") ? null : text;
}

// Once, when the page starts: browsers without trusted types need no policy.
(window as { trustedTypes?: Policies }).trustedTypes?.createPolicy("default", { createHTML: styleTextOnly });
