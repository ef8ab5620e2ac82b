let lastTime = 0;
let counter = 0;

/** A UUIDv7. Those made later in one process sort later, so that the server's index of keys grows at its end. */
export function uuidv7(): string {
  const b = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  if (now > lastTime) {
    lastTime = now;
    counter = ((b[6] as number) << 4) & 0x3ff;
  } else if (++counter > 0xfff) {
    counter = 0;
    lastTime++;
  }
  let rest = lastTime;
  for (let i = 5; i >= 0; i--) {
    b[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  b[6] = 0x70 | (counter >> 8);
  b[7] = counter & 0xff;
  b[8] = ((b[8] as number) & 0x3f) | 0x80;
  let text = "";
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
    text += (b[i] as number).toString(16).padStart(2, "0");
  }
  return text;
}
