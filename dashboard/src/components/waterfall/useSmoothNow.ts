import { useEffect, useRef, useState } from "react";

/** The shortest time between two pictures of what grows, in milliseconds. */
const frame = 40;

/**
 * The clock between two readings of it, so that what goes on grows by about a pixel at a time. It stands still when
 * nothing is open, and moves once a second for those who asked for less motion.
 */
export function useSmoothNow(now: number, open: boolean, msPerPixel: number): number {
  const read = useRef({ now, at: 0 });
  const [smooth, setSmooth] = useState(now);
  useEffect(() => {
    read.current = { now, at: performance.now() };
    setSmooth((last) => (open && last > now && last - now < 1500 ? last : now));
  }, [now, open]);
  const still = typeof matchMedia === "function" && matchMedia("(prefers-reduced-motion: reduce)").matches;
  const pause = still ? 1000 : Math.min(Math.max(msPerPixel, frame), 1000);
  useEffect(() => {
    if (!open) return;
    let handle = 0;
    let last = performance.now();
    const tick = (at: number) => {
      handle = requestAnimationFrame(tick);
      if (at - last < pause) return;
      last = at;
      setSmooth((before) => Math.max(before, read.current.now + Math.max(0, at - read.current.at)));
    };
    handle = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(handle);
  }, [open, pause]);
  return open ? Math.max(smooth, now) : now;
}
