/** The sign of the product: a way that stops for a while, and goes on. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#4b47c9" />
      <path
        d="M7 21.5h5.5c2.2 0 3.5-1.3 3.5-3.2v-4.6c0-1.9 1.3-3.2 3.5-3.2H21"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <circle cx="23.5" cy="10.5" r="2.9" fill="#fff" />
    </svg>
  );
}
