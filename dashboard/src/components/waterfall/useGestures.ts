import { type PointerEvent, type RefObject, useEffect, useRef } from "react";

interface Gestures {
  /** Closer by a factor above 1, around a part of the track's width. */
  zoom: (factor: number, around: number) => void;
  /** Moves by a part of the track's width, to later times when positive. */
  pan: (part: number) => void;
}

/** How far a pointer must move before it is a drag and no longer a click, in pixels. */
const slop = 4;

/**
 * Zoom and pan of what lies in the track: mod and the wheel, or a pinch, zooms where the pointer is; shift and the wheel,
 * a wheel to the side or a drag pans. The plain wheel stays the page's.
 */
export function useGestures(
  scroller: RefObject<HTMLElement | null>,
  track: () => { left: number; width: number },
  { zoom, pan }: Gestures,
) {
  const current = useRef({ zoom, pan, track });
  useEffect(() => {
    current.current = { zoom, pan, track };
  });

  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const wheel = (event: WheelEvent) => {
      const { left, width } = current.current.track();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const by = Math.min(Math.max(event.deltaY * lines, -120), 120);
        const around = Math.min(Math.max((event.clientX - left) / Math.max(width, 1), 0), 1);
        current.current.zoom(Math.exp(-by * 0.006), around);
        return;
      }
      const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (sideways === 0 || (!event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY))) return;
      event.preventDefault();
      current.current.pan((sideways * lines) / Math.max(width, 1));
    };
    // React's own listener is passive: it could not keep the page from zooming.
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [scroller]);

  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const dragged = useRef(false);
  const within = (x: number) => {
    const { left, width } = current.current.track();
    return x >= left - 12 && x <= left + width + 16;
  };
  return {
    /** Whether the click that follows ends a drag. */
    wasDrag: () => dragged.current,
    handlers: {
      onPointerDown: (event: PointerEvent<HTMLElement>) => {
        dragged.current = false;
        if (event.button !== 0 || !within(event.clientX)) return;
        pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      },
      onPointerMove: (event: PointerEvent<HTMLElement>) => {
        const last = pointers.current.get(event.pointerId);
        if (last === undefined) return;
        const { left, width } = current.current.track();
        const [other] = [...pointers.current].filter(([id]) => id !== event.pointerId).map(([, p]) => p);
        if (other !== undefined) {
          const before = Math.max(Math.abs(last.x - other.x), 16);
          const after = Math.max(Math.abs(event.clientX - other.x), 16);
          dragged.current = true;
          current.current.zoom(after / before, ((event.clientX + other.x) / 2 - left) / Math.max(width, 1));
        } else if (dragged.current || Math.abs(event.clientX - last.x) >= slop) {
          if (!dragged.current) event.currentTarget.setPointerCapture(event.pointerId);
          dragged.current = true;
          current.current.pan(-(event.clientX - last.x) / Math.max(width, 1));
        } else return;
        pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
      },
      onPointerUp: (event: PointerEvent<HTMLElement>) => {
        pointers.current.delete(event.pointerId);
      },
      onPointerCancel: (event: PointerEvent<HTMLElement>) => {
        pointers.current.delete(event.pointerId);
      },
    },
  };
}
