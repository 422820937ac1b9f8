// Elements that every page is made of. All text goes through text nodes.
import { html, h as vnode, useEffect, useState } from './preact.js';
import { number, t } from './words.js';
export { html, render, useEffect, useLayoutEffect, useMemo, useRef, useState } from './preact.js';

const ICONS = {
  apus: 'M1 4.5c4.4-.6 6.3 1.2 7 4.4.7-3.2 2.6-5 7-4.4-3.6.8-5 3-5.4 5.4L8 14l-1.6-4.1C6 7.5 4.6 5.3 1 4.5z', overview: 'M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z', map: 'M2 4.5h12M2 11.5h12M5 2v12M11 2v12', services: 'M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3', nodes: 'M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11zM5 4.75h.01M5 11.25h.01',
  networks: 'M6.5 2h3v3h-3zM2 11h3v3H2zM11 11h3v3h-3zM8 5v3M3.5 11V8h9v3', logs: 'M2.5 4h11M2.5 8h11M2.5 12h6', events: 'M1.5 8H5l2-5 3 10 1.5-5h3', paths: 'M2 5h11M10 2l3 3-3 3M14 11H3M6 8l-3 3 3 3', alerts: 'M4 11V7a4 4 0 018 0v4l1 1.5H3zM6.5 14.5h3', more: 'M3.5 8h.01M8 8h.01M12.5 8h.01', search: 'M7 12A5 5 0 107 2a5 5 0 000 10zM10.6 10.6L14 14',
  theme: 'M8 2a6 6 0 100 12A6 6 0 008 2zM8 2v12M8 5l4.5-.5M8 8h6M8 11l4.5.5', user: 'M8 8a3 3 0 100-6 3 3 0 000 6zM2.5 14a5.5 5.5 0 0111 0', table: 'M2.5 3h11v10h-11zM2.5 6.5h11M2.5 9.7h11M7 6.5V13', lock: 'M3.5 7h9v6.5h-9zM5.5 7V5a2.5 2.5 0 015 0v2', minus: 'M3.5 8h9', plus: 'M3.5 8h9M8 3.5v9', down: 'M8 3v10M4 9l4 4 4-4', clock: 'M8 14A6 6 0 108 2a6 6 0 000 12zM8 4.5V8l2.5 1.5', right: 'M6 3.5L10.5 8 6 12.5', left: 'M10 3.5L5.5 8l4.5 4.5',
};
export const Icon = ({ n }) => html`<svg class="i" viewBox="0 0 16 16" aria-hidden="true"><path d=${ICONS[n]} /></svg>`;

export const SHAPES = {
  ok: [['circle', { cx: 6, cy: 6, r: 3 }]], bad: [['circle', { cx: 6, cy: 6, r: 6 }], ['path', { d: 'M4 4l4 4M8 4L4 8' }]], warn: [['path', { d: 'M6 1.5l5 9H1zM6 5v2.5' }]],
  busy: [['path', { d: 'M6 1.75A4.25 4.25 0 116 10.25' }], ['circle', { cx: 6, cy: 6, r: 4.25, opacity: 0.3 }]], off: [['circle', { cx: 6, cy: 6, r: 4 }], ['path', { d: 'M3.2 8.8l5.6-5.6' }]],
  update: [['path', { d: 'M6 1.5L10.5 6 6 10.5 1.5 6z' }]], node: [['path', { d: 'M1.5 3.5h9v5h-9z' }]], audit: [['circle', { cx: 6, cy: 4, r: 2.25 }], ['path', { d: 'M1.5 10.75a4.5 4.5 0 019 0' }]], start: [['path', { d: 'M3.5 2l6 4-6 4z' }]],
};
/** A state by its shape; the label is what a screen reader says. */
export const Glyph = ({ k, label }) => html`<svg class=${`glyph ${k === 'node' ? 'warn' : k}`} viewBox="0 0 12 12" role="img" aria-label=${label || k}>${(SHAPES[k] || SHAPES.ok).map(([tag, a]) => vnode(tag, a))}</svg>`;

/** Tasks as cells: what runs, what is new, what is missing. */
export function Pips({ running, desired, fresh = 0, busy = 0 }) {
  const n = Math.min(desired, 24), out = [];
  for (let i = 0; i < n; i++) out.push(i < running ? (i < fresh ? 'new' : '') : i < running + busy ? 'busy' : 'no');
  return html`<span class="pips" aria-hidden="true">${out.map(c => html`<i class=${c}></i>`)}</span>`;
}

export const LineKey = ({ k }) => html`<svg viewBox="0 0 16 8" aria-hidden="true"><path class=${`ln s${k}`} d="M0 4H16" /></svg>`;
/** That a list has more than is told of it. */
export const NotShown = ({ n }) => (n > 0 ? html`<div class="f3">${t('notShown', { n: number(n) })}</div>` : null);
export const Empty = ({ title, text, command, children }) => html`<div class="empty"><h1>${title}</h1><p>${text}</p>${command && html`<pre>${command}</pre>`}${children}</div>`;
export const Section = ({ title, note, end, id, children }) => html`<section aria-labelledby=${id}><header class="bar"><h2 id=${id}>${title}</h2>${note != null && html`<span class="f3">${note}</span>`}${end && html`<span class="end row">${end}</span>`}</header>${children}</section>`;
export const Seg = ({ items, value, onChange, label }) => html`<div class="seg" role="group" aria-label=${label}>${items.map(([k, text]) => html`<button type="button" aria-pressed=${String(k === value)} onClick=${() => onChange(k)}>${text}</button>`)}</div>`;

/** Shapes of what comes, once it takes longer than a blink. */
export function Skeleton() {
  const [shown, show] = useState(false);
  useEffect(() => { const timer = setTimeout(() => show(true), 150); return () => clearTimeout(timer); }, []);
  if (!shown) return null;
  return html`<span class="sr" role="status">${t('loading')}</span>
    <section><div class="figs">${[1, 2, 3, 4, 5, 6].map(() => html`<div><div class="sk w3"></div><div class="sk"></div></div>`)}</div></section>
    <section><div class="charts">${[1, 2, 3, 4].map(() => html`<div class="chart"><div class="sk w1"></div><div class="sk plot"></div></div>`)}</div></section>
    <section>${[1, 2, 3, 1, 2, 3, 1, 2].map(w => html`<div class="bar"><div class=${`sk w${w}`}></div></div>`)}</section>`;
}

/** Draws anew when a store of {subscribe(f)} has changed. */
export function useStore(store) {
  const [, bump] = useState(0);
  useEffect(() => store.subscribe(() => bump(n => n + 1)), [store]);
  return store;
}
export function useRange(sel) {
  const [, bump] = useState(0);
  useEffect(() => sel.on('range', () => bump(n => n + 1)), [sel]);
  return sel.value;
}

/* SVG by hand, for what is drawn often. */
export function build(el, args) {
  for (const a of [args].flat()) {
    if (a == null || a === false) continue;
    if (a instanceof Node || typeof a !== 'object') el.append(a);
    else if (Array.isArray(a)) build(el, a);
    else for (const [k, v] of Object.entries(a)) if (v != null && v !== false) el.setAttribute(k, v === true ? '' : v);
  }
  return el;
}
export const s = (spec, ...args) => { const [tag, ...cls] = spec.split('.'), el = document.createElementNS('http://www.w3.org/2000/svg', tag); if (cls.length) el.setAttribute('class', cls.join(' ')); return build(el, args); };
