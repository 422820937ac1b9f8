// A chart: its data, its lines, its key, its table.
import { Icon, LineKey, html, s, useEffect, useMemo, useRef, useState } from './ui.js';
import { hms, t } from './words.js';
import { figure, niceTop, plain } from './format.js';
import { axisLabels, hatch, marks, put, timeAxis } from './plot.js';
import { get } from './api.js';
import { live, sel } from './app.js';
import { keepKnown, valueAt } from './derive.js';

/** What there is to draw: unit, factor from what is stored, figures. */
export const SERIES = {
  cpu: { u: 'cores', f: figure }, memory: { u: 'MiB', by: 1 / 1048576, f: figure }, network: { u: 'MB/s', by: 1e-6, f: figure }, drops: { u: 'pps', f: figure }, connections: { u: 'persec', f: figure }, retransmits: { u: 'persec', f: figure },
  throttled: { u: 'percent', by: 100, f: figure }, faults: { u: 'persec', f: figure }, pressure: { u: 'percent', by: 100, f: figure, lines: ['cpu', 'memory', 'io'] }, diskio: { u: 'MB/s', by: 1e-6, f: figure }, processes: { u: '', f: figure }, restarts: { u: '', f: figure }, loglines: { u: 'kB/s', by: 1e-3, f: figure },
  disk: { u: 'percent', by: 100, f: figure, max: 100 }, conntrack: { u: 'percent', by: 100, f: figure, max: 100 }, roundTrip: { u: 'ms', by: 1e3, f: figure }, loss: { u: 'percent', by: 100, f: figure },
};
const POINTS = 360, FRESH = 10_000;
/** Services whose lines are asked for at once: managers take 64 scopes. */
const AT_ONCE = 60;

/** Fetches again when the range or what is asked changes, in live time every ten seconds. Keeps the old lines meanwhile. */
function useSeries(scope, series, by, points = POINTS) {
  const [data, set] = useState({ lines: null, error: null });
  useEffect(() => {
    if (!series) return undefined;
    let asked = null, timer = 0, abort = null, at = 0;
    const fetchNow = async () => {
      const { from, to } = sel.value;
      asked = `${Math.round(to - from)} ${sel.value.live ? 'live' : from}`; at = Date.now();
      abort?.abort(); abort = new AbortController();
      try {
        const of = part => get('query', { scope: part, series, by, from: Math.round(from), to: Math.round(to), points }, abort.signal), answer = await inParts(scope, of);
        set(old => ({ lines: keepKnown(old.lines, answer), error: null }));
      } catch (error) { if (error.name !== 'AbortError') set(old => ({ lines: old.lines, error })); }
    };
    const look = () => {
      const want = `${Math.round(sel.value.to - sel.value.from)} ${sel.value.live ? 'live' : sel.value.from}`;
      if (want === asked && !(sel.value.live && Date.now() - at > FRESH)) return;
      clearTimeout(timer);
      timer = setTimeout(fetchNow, asked ? 60 : 0);
    };
    look();
    const off = sel.on('range', look);
    return () => { off(); clearTimeout(timer); abort?.abort(); };
  }, [scope, series, by]);
  return data;
}

/**
 * Asks for as many scopes at once as managers take, and for fewer where they have too many containers together; one that has too many by itself has
 * no line beside those of others. One question behind the other: a long table is no reason to ask for all at the same time.
 */
async function inParts(scope, of) {
  const all = scope.split(','), parts = [];
  for (let i = 0; i < all.length; i += AT_ONCE) parts.push(all.slice(i, i + AT_ONCE));
  let answer = null, refusal = null;
  while (parts.length) {
    const part = parts.shift(), half = part.length >> 1;
    try {
      const next = await of(part.join());
      if (answer) answer.lines.push(...next.lines); else answer = next;
    } catch (error) {
      if (error.code !== 'tooManyForChart') throw error;
      if (half) parts.unshift(part.slice(0, half), part.slice(half)); else refusal = error;
    }
  }
  if (!answer) throw refusal;
  return answer;
}

/** One line for each service, small: CPU of the time shown. A table asks for all its rows together. */
export function useSparks(services) {
  const scope = services.map(x => `service:${x.id}`).sort().join();
  const { lines: data } = useSeries(scope, scope && live.state.cluster?.hasHistory ? 'cpu' : '', null, 48);
  return useMemo(() => new Map((data?.lines || []).map(l => [l.name, sparkPath(l.values)])), [data]);
}
function sparkPath(values) {
  const most = Math.max(1e-9, ...values.map(y => y ?? 0)), n = Math.max(1, values.length - 1);
  let path = '', pen = false;
  values.forEach((y, i) => { if (y == null) { pen = false; return; } path += `${pen ? 'L' : 'M'}${(i / n * 72).toFixed(1)} ${(15 - y / most * 13).toFixed(1)}`; pen = true; });
  return path;
}
export const Spark = ({ path }) => html`<svg class="spark" viewBox="0 0 72 16" aria-hidden="true">${path && html`<path d=${path} />`}</svg>`;

/** Bytes take the unit that fits what there is; others have one. */
function scaled(kind, data, limit) {
  if (kind.u !== 'MiB' && !kind.u.endsWith('B/s')) return [kind.by || 1, kind.u];
  let most = limit || 0;
  for (const line of data?.lines || []) for (const y of line.values) if (y > most) most = y;
  if (kind.u !== 'MiB') return !most ? [kind.by, kind.u] : [[1e9, 1e-9, 'GB/s'], [1e6, 1e-6, 'MB/s'], [1e3, 1e-3, 'kB/s'], [0, 1, 'B/s']].find(([least]) => most >= least).slice(1);
  return most >= 4 * 2 ** 30 ? [1 / 2 ** 30, 'GiB'] : [kind.by, kind.u];
}

export function Chart({ scope, series, by, title, wide, limit, hue, isShared }) {
  const kind = SERIES[series], { lines: data, error } = useSeries(scope, series, by);
  const ref = useRef(null), view = useRef(null), keys = useRef(null), [isTable, showTable] = useState(false);
  const [factor, unit] = scaled(kind, data, limit), name = title || t(series), top = data?.limit ?? limit;
  useEffect(() => {
    const svg = ref.current;
    if (!svg) return;
    const v = view.current = { dom: () => [sel.value.from, sel.value.to], top: 4, tops: { value: 0, at: 0 } };
    v.paint = () => {
      const w = v.w = svg.clientWidth || 300, H = svg.clientHeight || 116, bottom = v.h = H - 18, d = v.data, [a, b] = v.dom(), g = [];
      let most = top ? top * factor : 0;
      for (const line of d?.lines || []) line.values.forEach((y, i) => { const x = d.from + i * d.step; if (y != null && x >= a - d.step && x <= b && y * factor > most) most = y * factor; });
      v.max = kind.max || steady(v, niceTop(most));
      v.Y = y => bottom - (y / v.max) * (bottom - v.top);
      g.push(s('path.grid', { d: [0, 0.5, 1].map(k => `M0 ${v.Y(v.max * k)}H${w}`).join('') }), hatch(v, d?.gaps, v.top, bottom), marks(v, a, b, bottom));
      if (top) { const y = v.Y(top * factor); g.push(s('path.limit', { d: `M0 ${y}H${w}` }), s('text.halo', { x: w, y: y + (y < v.top + 16 ? 13 : -4), 'text-anchor': 'end' }, `${t('limit')} ${plain(top * factor)}`)); }
      (d?.lines || []).forEach((line, k) => g.push(s('path', { class: `ln s${1 + (hue?.(line.name) ?? k) % 6}`, d: pathOf(v, d, line, factor) })));
      g.push([[1, v.top + 11], [0.5, v.Y(v.max / 2) - 3]].slice(0, H < 90 ? 1 : 2).map(([k, y]) => s('text.halo', { x: 0, y }, plain(v.max * k))), axisLabels(v, H));
      put(svg, v, g, w, H, name);
    };
    v.extra = () => {
      const d = v.data, { from, to, moment } = sel.value, shown = sel.hover ?? moment;
      keys.current?.(shown ?? to);
      if (!d || shown == null || shown < from || shown > to) return [];
      return d.lines.map((line, k) => { const y = valueAt(d, line, shown); return y == null ? [] : s('circle', { class: `dot s${1 + (hue?.(line.name) ?? k) % 6}`, cx: v.X(shown), cy: v.Y(y * factor), r: 3, fill: 'currentColor' }); });
    };
    v.data = data;
    const off = timeAxis(svg, v);
    v.paint(); v.over();
    return off;
  }, [isTable, top, factor]);
  useEffect(() => { const v = view.current; if (v && ref.current) { v.data = data; v.paint(); v.over(); } }, [data]);
  return html`<figure class=${`chart${wide ? ' wide2' : ''}`}>
    <header><h3>${name}</h3><span class="unit">${unit && t(unit)}</span>
      <button type="button" class="btn flat icon small astable" aria-label=${t(isTable ? 'aschart' : 'astable')} title=${t(isTable ? 'aschart' : 'astable')} aria-pressed=${String(isTable)} onClick=${() => showTable(!isTable)}><${Icon} n="table" /></button></header>
    <${Keys} data=${data} kind=${kind} factor=${factor} error=${error} hue=${hue} isShared=${isShared} update=${f => { keys.current = f; }} />
    ${isTable ? html`<${Table} data=${data} kind=${kind} factor=${factor} />` : html`<svg class="plot" ref=${ref} tabindex="0" role="group"></svg>`}
  </figure>`;
}

/** Up to three lines have names; of more it is their sum and the highest. At the crosshair, else the newest. */
function Keys({ data, kind, factor, error, hue, update, isShared }) {
  const [x, at] = useState(null);
  update(at);
  if (!data) return html`<p class="keys">${error ? t(`e_${error.code}`) : ' '}</p>`;
  const last = line => { for (let i = line.values.length - 1; i >= Math.max(0, line.values.length - 12); i--) if (line.values[i] != null) return line.values[i]; return null; };
  const shown = sel.hover ?? sel.value.moment, value = line => (shown == null ? last(line) : valueAt(data, line, shown ?? x));
  const num = y => (y == null ? '—' : kind.f(y * factor)), values = data.lines.map(value), key = i => html`<${LineKey} k=${1 + (hue?.(data.lines[i].name) ?? i) % 6} />`;
  const word = name => (['in', 'out', 'read', 'write', 'cpu', 'memory', 'io', 'working set', 'anonymous'].includes(name) ? t(name) : name);
  const names = data.lines.reduce((n, l) => n + l.name.length, 0), isShort = data.lines.length < 3 || (data.lines.length === 3 && (names <= 12 || isShared));
  if (isShort) return html`<p class="keys">${data.lines.map((line, i) => html`<span>${key(i)}${data.lines.length > 1 && html`<i>${word(line.name)}</i>`}<b>${num(values[i])}</b></span>`)}</p>`;
  const best = values.reduce((p, y, i) => (y > (values[p] ?? -1) ? i : p), 0);
  return html`<p class="keys"><span><i>Σ</i><b>${num(values.reduce((p, y) => p + (y || 0), 0))}</b></span><span>${key(best)}<i>${data.lines[best].name}</i><b>${num(values[best])}</b></span></p>`;
}

function Table({ data, kind, factor }) {
  const { from, to } = sel.value, rows = Array.from({ length: 13 }, (_, i) => from + (to - from) * i / 12);
  return html`<div class="scroll" tabindex="0"><table><thead><tr><th>${t('time')}</th>${(data?.lines || []).map(l => html`<th class="num">${l.name}</th>`)}</tr></thead>
    <tbody>${rows.map(x => html`<tr><td>${hms(x)}</td>${(data?.lines || []).map(l => { const y = valueAt(data, l, x); return html`<td class="num">${y == null ? '—' : kind.f(y * factor)}</td>`; })}</tr>`)}</tbody></table></div>`;
}

/** The top grows at once and shrinks after a minute, so that it does not jump. */
function steady(v, next) {
  const now = Date.now();
  if (next >= v.tops.value || now - v.tops.at > 60_000 || !sel.value.live) v.tops = { value: next, at: now };
  return v.tops.value;
}

function pathOf(v, d, line, factor) {
  let path = '', pen = false;
  line.values.forEach((y, i) => {
    if (y == null) { pen = false; return; }
    const x = v.X(d.from + i * d.step);
    if (x < -20 || x > v.w + 20) { pen = false; return; }
    path += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${v.Y(y * factor).toFixed(1)}`;
    pen = true;
  });
  return path;
}

/** A row of charts with hairlines between. Where no history is kept it says so once, instead of empty frames. */
export function Charts({ items, small, columns, shared }) {
  if (live.state.cluster && !live.state.cluster.hasHistory) return html`<p class="bar f3 line2">${t('noHistory')}</p>`;
  return html`<div class=${`charts${small ? ' mini' : ''}${columns === 2 ? ' two' : ''}${shared ? ' shared' : ''}`}>${items.map(item => html`<${Chart} key=${`${item.scope} ${item.series}`} isShared=${shared} ...${item} />`)}</div>`;
}
