// One time axis for charts, strip and volume: crosshair, moment, brush. Lines are drawn when the range or the data change; what is on top of them
// whenever the pointer moves. SVG, so that colours follow the theme by themselves and text is text.
import { html, s, useEffect, useRef } from './ui.js';
import { hms, utc } from './words.js';
import { ticks } from './format.js';
import { live, sel } from './app.js';
import { eventKind } from './derive.js';

export const clamp = (v, a, b) => Math.min(b, Math.max(a, v));
const CLICK = 4;                                      // pixels; further is a brush

/** Gives a svg the pointer and the keys. `v`: {dom(), w, h, top, paint(), extra()}; what is on top goes into `v.ov`. */
export function timeAxis(svg, v) {
  const time = e => { const r = svg.getBoundingClientRect(), [a, b] = v.dom(); return Math.round((a + clamp((e.clientX - r.left) / r.width, 0, 1) * (b - a)) / 10) * 10; };
  let start = null, x0 = 0;
  const on = {
    pointermove: e => { const x = time(e); if (start != null && Math.abs(e.clientX - x0) > CLICK) sel.setBrush([Math.min(start, x), Math.max(start, x)]); sel.setHover(x); },
    pointerleave: () => { if (start == null) sel.setHover(null); },
    pointerdown: e => { if (e.button) return; start = time(e); x0 = e.clientX; svg.setPointerCapture(e.pointerId); },
    pointercancel: () => { start = null; sel.setBrush(null); },
    pointerup: e => {
      const x = time(e), from = start;
      start = null;
      if (from == null) return;
      if (Math.abs(e.clientX - x0) > CLICK) sel.range(Math.min(from, x), Math.max(from, x)); else { sel.setBrush(null); sel.at(x); }
    },
    keydown: e => {
      const { from, to, moment } = sel.value, step = (to - from) / 60, d = { ArrowLeft: -step, ArrowRight: step }[e.key];
      const cursor = clamp(moment ?? to, from, to);
      if (d && e.shiftKey) { const b = sel.brush || [cursor, cursor]; sel.setBrush(d < 0 ? [Math.max(v.dom()[0], b[0] + d), b[1]] : [b[0], Math.min(v.dom()[1], b[1] + d)]); }
      else if (d) sel.at(clamp(cursor + d, from, to));
      else if (e.key === 'Enter' && sel.brush) sel.range(...sel.brush);
      else return;
      e.preventDefault();
    },
  };
  for (const [k, f] of Object.entries(on)) svg.addEventListener(k, f);
  v.X = x => { const [a, b] = v.dom(); return (x - a) / (b - a) * v.w; };
  v.over = () => {
    if (!v.ov) return;
    const g = [], [a, b] = v.dom(), inside = x => x != null && x >= a && x <= b, top = v.top || 0;
    if (sel.brush) { const p = clamp(v.X(sel.brush[0]), 0, v.w), q = clamp(v.X(sel.brush[1]), 0, v.w); g.push(s('rect.band', { x: p, y: top, width: q - p, height: v.h - top }), s('path.bandedge', { d: `M${p} ${top}V${v.h}M${q} ${top}V${v.h}` })); }
    if (inside(sel.value.moment)) g.push(s('path.moment', { d: `M${v.X(sel.value.moment)} ${top}V${v.h}` }));
    if (inside(sel.hover)) g.push(s('path.cross', { d: `M${v.X(sel.hover)} ${top}V${v.h}` }));
    v.ov.replaceChildren(...g, ...(v.extra ? v.extra().flat() : []));
  };
  const off = [sel.on('range', () => { v.paint(); v.over(); }), sel.on('over', v.over)];
  const resized = new ResizeObserver(() => { if (svg.clientWidth && svg.clientWidth !== v.w) { v.paint(); v.over(); } });
  resized.observe(svg);
  return () => { off.forEach(f => f()); resized.disconnect(); for (const [k, f] of Object.entries(on)) svg.removeEventListener(k, f); };
}

/** Puts what was drawn in place, with an empty layer on top. */
export function put(svg, v, parts, w, height, label) {
  svg.setAttribute('viewBox', `0 0 ${w} ${height}`);
  svg.setAttribute('aria-label', label);
  v.ov = s('g');
  svg.replaceChildren(...parts.flat(4).filter(Boolean), v.ov);
}
export const axisLabels = (v, height) => { const [a, b] = v.dom(); return ticks(a, b, v.w, utc).map(([x, label]) => s('text', { x, y: height - 3, 'text-anchor': 'middle' }, label)); };

/** Hatched: here somebody did not answer. */
export function hatch(v, gaps, top, bottom) {
  const [a, b] = v.dom(), out = [];
  for (const gap of gaps || []) {
    if (gap.to < a || gap.from > b) continue;
    const x0 = clamp(v.X(gap.from), 0, v.w), x1 = clamp(v.X(gap.to), 0, v.w), H = bottom - top;
    let d = '';
    for (let k = x0 - H; k < x1; k += 5) { const p = Math.max(k, x0), q = Math.min(k + H, x1); if (q > p) d += `M${p.toFixed(1)} ${(bottom - (p - k)).toFixed(1)}L${q.toFixed(1)} ${(bottom - (q - k)).toFixed(1)}`; }
    out.push(s('rect.gapbg', { x: x0, y: top, width: Math.max(0, x1 - x0), height: H }), s('path.gap', { d }, s('title', gap.node || '')));
  }
  return out;
}

export const MARK = { bad: 'M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5', warn: 'M0 -4L4 3.5H-4z', node: 'M-4 -2.5H4V2.5H-4z', update: 'M0 -4L4 0 0 4-4 0z', audit: 'M-3 -3H3V3H-3z', start: 'M0 -3V3' };
const RANK = ['bad', 'warn', 'node', 'update', 'audit', 'start'], COLOUR = { bad: 'red', warn: 'amber', node: 'amber' };

/** What failed and what was updated, as thin lines. */
export function marks(v, a, b, bottom) {
  const out = [];
  let last = -9;
  for (const e of live.events) {
    const k = e.time > a && e.time < b ? eventKind(e) : '';
    if ((k !== 'bad' && k !== 'update') || v.X(e.time) - last <= 6) continue;
    const x = last = v.X(e.time), red = k === 'bad' ? '.red' : '';
    out.push(s(`path.mkl${red}`, { d: `M${x} ${v.top + 4}V${bottom}` }), s(`path.mk${red}`, { d: MARK[k], transform: `translate(${x} ${v.top}) scale(.7)` }));
  }
  return out;
}

/** Marks nearer than 9 pixels are one, the worst of them, with all words. `marks`: [{x, k, words}]. */
export function merged(marks, X) {
  const near = [];
  for (const m of marks) {
    const px = X(m.x), last = near[near.length - 1];
    if (last && px - last.px < 9) { if (last.n++ < 12) last.words += '\n' + m.words; if (RANK.indexOf(m.k) < RANK.indexOf(last.k)) last.k = m.k; } else near.push({ px, k: m.k, words: m.words, n: 1 });
  }
  return near;
}

/** The last range asked for; the Selection is a window in it. */
export function Strip({ marks, label }) {
  const ref = useRef(null), view = useRef(null);
  useEffect(() => {
    const svg = ref.current, v = view.current = { dom: () => sel.value.ctx, marks: [] };
    v.paint = () => {
      const w = v.w = svg.clientWidth || 300, H = svg.clientHeight || 44, [a, b] = v.dom();
      v.top = 2; v.h = H - 16;
      const y = v.h / 2 + 1, g = [s('path.grid', { d: `M0 ${v.h}H${w}` }), axisLabels(v, H).map(text => [s('path.grid', { d: `M${text.getAttribute('x')} ${v.h}v3` }), text])];
      for (const m of merged(v.marks.filter(m => m.x > a && m.x < b), v.X)) g.push(s('path', { class: `mk ${COLOUR[m.k] || ''}`, d: MARK[m.k], transform: `translate(${m.px.toFixed(1)} ${y})` }, s('title', m.words)));
      put(svg, v, g, w, H, label);
    };
    v.extra = () => {
      const g = [], [a, b] = v.dom(), { from, to, moment } = sel.value;
      if (from > a || to < b) { const p = v.X(from), q = v.X(to); g.push(s('rect.dim', { x: 0, y: 0, width: Math.max(0, p), height: v.h }), s('rect.dim', { x: q, y: 0, width: Math.max(0, v.w - q), height: v.h }), s('rect.band', { x: p, y: 2, width: Math.max(1, q - p), height: v.h - 2 }), s('path.bandedge', { d: `M${p} 2V${v.h}M${q} 2V${v.h}` })); }
      const x = sel.hover ?? moment;
      if (x != null && x >= a && x <= b) { const px = clamp(v.X(x), 32, v.w - 32); g.push(s('rect.flag', { x: px - 30, y: v.h + 1, width: 60, height: 15, rx: 3 }), s('text.flagt', { x: px, y: v.h + 12.5, 'text-anchor': 'middle' }, hms(x))); }
      return g;
    };
    const off = timeAxis(svg, v);
    v.paint(); v.over();
    return off;
  }, []);
  useEffect(() => { const v = view.current; if (v) { v.marks = marks; v.paint(); v.over(); } }, [marks]);
  return html`<svg class="strip" ref=${ref} tabindex="0" role="group"></svg>`;
}

/** Lines in equal parts of the time: stdout, stderr, stated errors. `volume`: what /ui/v1/logs/volume answers. */
export function Volume({ volume, label }) {
  const ref = useRef(null), view = useRef(null);
  useEffect(() => {
    const svg = ref.current, v = view.current = { dom: () => [sel.value.from, sel.value.to], data: null };
    v.paint = () => {
      const w = v.w = svg.clientWidth || 600, H = svg.clientHeight || 72, d = v.data;
      v.top = 2; v.h = H - 18;
      const g = [s('path.grid', { d: `M0 ${v.h}H${w}` })];
      if (d) {
        let most = 1;
        d.output.forEach((n, i) => { most = Math.max(most, n + d.error[i]); });
        d.output.forEach((n, i) => {
          const x = v.X(d.from + i * d.step), bw = v.X(d.from + (i + 1) * d.step) - x, stated = Math.min(d.stated[i], n + d.error[i]);
          const onError = Math.min(stated, d.error[i]), parts = [[1, n - (stated - onError)], [2, d.error[i] - onError], [3, stated]];
          let y = v.h;
          if (x > w || x + bw < 0) return;
          for (const [k, count] of parts) { const hh = count / most * (v.h - 6); if (hh > 0) g.push(s(`rect.b${k}`, { x: x + 0.5, y: y - hh, width: Math.max(1, bw - 1), height: hh })); y -= Math.max(0, hh); }
        });
        g.push(s('text.halo', { x: 0, y: 12 }, String(most)));
      }
      g.push(marks(v, ...v.dom(), v.h));
      g.push(axisLabels(v, H));
      put(svg, v, g, w, H, label);
    };
    const off = timeAxis(svg, v);
    v.paint(); v.over();
    return off;
  }, []);
  useEffect(() => { const v = view.current; if (v) { v.data = volume; v.paint(); v.over(); } }, [volume]);
  return html`<svg class="plot vol" ref=${ref} tabindex="0" role="group"></svg>`;
}
