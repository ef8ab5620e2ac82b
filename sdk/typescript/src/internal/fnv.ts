/** A 64-bit number in two halves of 32 bits. */
export interface Hash {
  high: number;
  low: number;
}

const encoder = new TextEncoder();

/** The 64-bit FNV-1a hash of a text's UTF-8. */
export function fnv1a(text: string): Hash {
  const bytes = encoder.encode(text);
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    // The prime is 2^40 + 0x1b3: times 2^40 moves the low half by 8 bits into the high one.
    const product = low * 0x1b3;
    high = (high * 0x1b3 + Math.floor(product / 0x1_0000_0000) + ((low << 8) >>> 0)) >>> 0;
    low = product >>> 0;
  }
  return { high, low };
}

/** A hash as 16 hex digits. */
export function hex16(hash: Hash): string {
  return (hash.high >>> 0).toString(16).padStart(8, "0") + (hash.low >>> 0).toString(16).padStart(8, "0");
}
