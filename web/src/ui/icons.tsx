// icons.tsx - the page's own small set of drawings, 20 x 20, in the colour of the text around them.
import type { JSX } from 'preact';

const paths = {
  now: 'M2.500 10.500h3.200l2-5.500 4 10.500 2.300-5h3.500',
  incidents: 'M10 3.200 17.600 16.300H2.400L10 3.200Zm0 5v3.800m0 2v.2',
  predictions: 'M3 16.500V3.500m0 13h14M6 12.500l3.200-3.600 2.600 2.200L17 5.200m-3.700 0H17v3.700',
  explore: 'M3 16.500h14M5 13.500v-4m3.500 4v-9m3.500 9V7m3.500 6.500v-8',
  redis: 'M10 8c4 0 6.500-1.100 6.500-2.500S14 3 10 3 3.500 4.100 3.500 5.500 6 8 10 8Zm-6.500-2.500v9C3.500 15.900 6 17 10 17s6.500-1.100 6.500-2.500v-9m-13 4.500c0 1.400 2.500 2.500 6.500 2.500s6.500-1.100 6.500-2.500',
  actions: 'M11 2.800 4.500 11.500H10L9 17.200l6.500-8.700H10l1-5.700Z',
  settings: 'M3 6h7m4 0h3M3 14h3m4 0h7M12 4v4m-4 4v4',
  search: 'M9 14.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11Zm4-1.500 4 4',
  check: 'm4 10.500 4 4 8-9',
  close: 'm5 5 10 10M15 5 5 15',
  right: 'm8 5 5 5-5 5',
  down: 'm5 8 5 5 5-5',
  copy: 'M7.500 7.500V4a1 1 0 0 1 1-1H16a1 1 0 0 1 1 1v7.500a1 1 0 0 1-1 1h-3.500M4 7.500h7.500a1 1 0 0 1 1 1V16a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8.500a1 1 0 0 1 1-1Z',
  terminal: 'm4 6 4 4-4 4m6 1h6',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-11v4.200l2.800 1.800',
  host: 'M4 3.500h12a1 1 0 0 1 1 1V8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V4.500a1 1 0 0 1 1-1Zm0 7.500h12a1 1 0 0 1 1 1v3.500a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V12a1 1 0 0 1 1-1Zm2-4.700h.1M6 13.700h.1',
  disk: 'M3 11.500h14v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-4Zm0 0 2.300-7.300a1 1 0 0 1 1-.7h7.400a1 1 0 0 1 1 .7L17 11.500m-3.500 2.600h.1',
  network: 'M10 3v4m0 0H6.500v3M10 7h3.500v3M4 11.500h5V16H4v-4.500Zm7 0h5V16h-5v-4.500Z',
  process: 'M5.500 5.500h9v9h-9v-9ZM8 2.800v2.700m4-2.700v2.700m-4 9v2.700m4-2.700v2.700M2.800 8h2.700m-2.700 4h2.700m9-4h2.700m-2.700 4h2.700',
  container: 'M10 2.800 16.500 6v8L10 17.200 3.500 14V6L10 2.800ZM3.500 6l6.500 3.300L16.500 6M10 9.300v7.900',
  service: 'M10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5Zm0-9.700v2m0 10.400v2M2.800 10h2m10.400 0h2M4.900 4.900l1.400 1.400m7.400 7.400 1.400 1.400m0-10.200-1.400 1.400m-7.400 7.400-1.400 1.400',
  bell: 'M5 13.500V9a5 5 0 0 1 10 0v4.500l1.500 1.500h-13L5 13.500Zm3.500 3.500h3',
  user: 'M10 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-6 7c.5-3 2.800-4.500 6-4.500s5.500 1.500 6 4.500',
  note: 'M4 3.500h12v9l-4 4H4v-13Zm8 13v-4h4M7 7h6m-6 3h4',
  refresh: 'M16 6.500A7 7 0 1 0 17 10m0-6.500v3.200h-3.200',
  plus: 'M10 4v12M4 10h12',
  shield: 'M10 2.800 16 5v5c0 3.700-2.500 6-6 7.200C6.500 16 4 13.700 4 10V5l6-2.200Z',
  download: 'M10 3v9.500m-4-4 4 4 4-4M3.500 16.500h13',
  link: 'M8.500 11.500a3 3 0 0 0 4.300 0l3-3a3 3 0 0 0-4.300-4.300l-1 1m1 3.300a3 3 0 0 0-4.300 0l-3 3a3 3 0 0 0 4.300 4.300l1-1',
  keyboard: 'M2.500 5.500h15v9h-15v-9Zm3 3h.1m2.900 0h.1m2.900 0h.1m2.900 0h.1M6.500 11.700h7',
  globe: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM3 10h14M10 3c4 4 4 10 0 14M10 3c-4 4-4 10 0 14',
  back: 'M12 5 7 10l5 5',
  undo: 'M4 8h8.500a4 4 0 0 1 0 8H9M4 8l3.500-3.500M4 8l3.500 3.500',
  target: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-4a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z',
  sun: 'M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-10.500v1.500m0 12v1.500M2.500 10H4m12 0h1.500M4.700 4.700l1 1m8.600 8.600 1 1m0-10.600-1 1m-8.600 8.600-1 1',
  out: 'M8 3.500H4.500a1 1 0 0 0-1 1v11a1 1 0 0 0 1 1H8m4-10 3.500 3.500L12 13.500m3.500-3.500H8',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20, ...rest }: { name: IconName; size?: number } & JSX.SVGAttributes<SVGSVGElement>) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width={size} height={size} fill="none" stroke="currentColor" stroke-width="1.500"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {...rest}>
      <path d={paths[name]} />
    </svg>
  );
}

/* The mark: a bird that comes towards the reader. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg class="mark" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M4.500 12.500c4.600-1.400 8.600.3 11.500 5.600 2.900-5.300 6.900-7 11.500-5.600-3.700 1.200-6.500 4-8.200 8.300-.8 2-1.700 3.200-3.300 3.200s-2.500-1.200-3.300-3.200c-1.700-4.300-4.500-7.100-8.200-8.300z" />
      <circle cx="16" cy="9" r="2.200" />
    </svg>
  );
}
