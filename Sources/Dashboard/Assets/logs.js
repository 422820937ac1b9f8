// Lines of logs: as many in the page as fit, 5,000 in memory, older ones as one scrolls.
import { Glyph, Icon, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from './ui.js';
import { hms, number, t, when } from './words.js';
import { visible } from './format.js';
import { get } from './api.js';
import { live, now, sel, setParams, to } from './app.js';
import { downloadOf, matcher, nodeName, serviceName, statedLevel, taskName } from './derive.js';

const KEPT = 5000, PAGE = 500;

/** Lines of some scopes in the Selection's time; in live time new ones come by themselves. */
export function useLines({ scope, text, stderr, stated }) {
  const [, bump] = useState(0), box = useRef({ lines: [], notes: [], partial: null, isLoading: true, isDone: false, error: null });
  const redraw = () => bump(n => n + 1);
  useEffect(() => {
    const b = box.current = { lines: [], notes: [], partial: null, isLoading: true, isDone: false, error: null };
    let asked = '', timer = 0, abort = null, isOver = false;
    const re = matcher(text);
    const fits = l => (!stderr || l.stream === 2) && (!stated || /^(error|warn)$/.test(statedLevel(l.text))) && (!re || re.test(l.text));
    const plain = text && /^\/.+\/$/.test(text) ? '' : text;
    const fetchPage = async (from, end, older) => {
      b.isLoading = true; redraw();
      abort?.abort(); abort = new AbortController();
      try {
        const page = await get('logs', { scope, from: Math.round(from), to: Math.round(end), limit: PAGE, text: plain, stderr, stated }, abort.signal);
        if (isOver) return;
        const lines = page.lines.map(shown).filter(fits), seen = new Set(b.lines.map(key));
        b.lines = older ? [...lines.filter(l => !seen.has(key(l))), ...b.lines].slice(0, KEPT) : lines;
        b.notes = page.notes; b.partial = page.partial; b.isCut = page.isCut; b.reachedBack = page.reachedBack; b.isDone = page.reachedBack <= from; b.error = null; b.version = (b.version || 0) + 1;
      } catch (error) { if (error.name === 'AbortError') return; b.error = error; }
      b.isLoading = false; redraw();
    };
    b.older = () => { if (!b.isLoading && !b.isDone && b.lines.length && b.lines.length < KEPT) fetchPage(sel.value.from, Math.ceil(b.lines[0].time), true); };
    const look = () => {
      const v = sel.value, want = v.live ? `live ${v.to - v.from}` : `${v.from} ${v.to}`;
      if (want === asked) return;
      const first = !asked;
      asked = want;
      clearTimeout(timer);
      timer = setTimeout(() => fetchPage(v.from, v.to, false), first ? 0 : 120);
    };
    look();
    live.follow(sel.value.live ? scope : '');
    const offs = [sel.on('range', () => { look(); live.follow(sel.value.live ? scope : ''); }), live.onLines((lines, note) => {
      if (!sel.value.live) return;
      if (note?.skipped) b.lines.push({ note: t('skipped', { n: number(note.skipped) }), time: now(), stamp: String(now()) });
      if (note?.ended && note.ended !== 'ended') b.lines.push({ note: t('tailEnded', { reason: t(`e_${note.ended}`) }), time: now(), stamp: String(now()) });
      const seen = new Set(b.lines.slice(-200).map(key));
      const fresh = lines.map(shown).filter(l => fits(l) && !seen.has(key(l)));
      if (!fresh.length && !note) return;
      b.lines = [...b.lines, ...fresh];
      if (b.lines.length > 1 && fresh.length && b.lines[b.lines.length - fresh.length - 1]?.stamp > fresh[0].stamp) b.lines.sort((x, y) => (x.stamp < y.stamp ? -1 : 1));
      if (b.lines.length > KEPT) { b.lines = b.lines.slice(-KEPT); b.isDone = false; }
      redraw();
    })];
    return () => { isOver = true; offs.forEach(f => f()); clearTimeout(timer); abort?.abort(); };
  }, [scope, text, stderr, stated]);
  useEffect(() => () => live.follow(''), []);
  return box.current;
}
const key = l => `${l.stamp} ${l.task} ${l.stream} ${l.text}`;
/** A line as it is shown; what it was is kept for who copies it. */
const shown = l => { const text = visible(l.text); return text === l.text ? l : { ...l, text, raw: l.text }; };

/** How many rows of the list a text takes: the font is of one width, wide characters count twice. */
function rowsOf(text, columns) {
  let n = 0;
  for (let i = 0; i < text.length; i++) { const c = text.charCodeAt(i); n += c === 9 ? 4 : c > 0x2e7f ? 2 : 1; }
  return Math.max(1, Math.ceil(n / columns));
}

/** @param hue A line's colour, 0 to 5. @param fill Takes the rest of the window. @param rows Without a scroll bar: so many of the newest. */
export function LogList({ box, hue, text, fill, rows, end }) {
  const ref = useRef(null), [view, setView] = useState({ top: 0, height: 480, columns: 100, extra: 0 }), follow = useRef(true), [open, setOpen] = useState(null);
  const lines = rows ? box.lines.slice(-rows) : box.lines, re = useMemo(() => matcher(text), [text]);
  const offsets = useMemo(() => { const out = [0]; for (const l of lines) out.push(out[out.length - 1] + (l.note ? 28 : rowsOf(l.text, view.columns) * 20 + view.extra)); return out; }, [lines, lines.length, view.columns, view.extra, box.version]);
  const total = offsets[offsets.length - 1], index = y => { let a = 0, b = lines.length; while (a < b) { const m = (a + b) >> 1; if (offsets[m + 1] <= y) a = m + 1; else b = m; } return a; };
  const first = rows ? 0 : Math.max(0, index(view.top) - 12), last = rows ? lines.length : Math.min(lines.length, index(view.top + view.height) + 13);

  useLayoutEffect(() => {
    const el = ref.current, measure = () => {
      const probe = el.querySelector('.probe'), isPhone = matchMedia('(max-width:720px)').matches, pad = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--pad')) || 24;
      const room = el.clientWidth - pad * 2 - (isPhone ? 8 : 92 + 132 + 40 + 24), width = probe.getBoundingClientRect().width / 20 || 7.2;
      setView(v => ({ ...v, height: el.clientHeight, columns: Math.max(10, Math.floor(room / width)), extra: isPhone ? 29 : 0 }));
    };
    measure();
    const o = new ResizeObserver(measure);
    o.observe(el);
    return () => o.disconnect();
  }, []);
  const target = sel.value.moment;
  useLayoutEffect(() => {
    const el = ref.current;
    if (rows || !lines.length) return;
    if (target != null) { const i = lines.findIndex(l => l.time >= target); el.scrollTop = offsets[i < 0 ? lines.length : i] - el.clientHeight / 2; follow.current = false; }
    else if (follow.current || !sel.value.live) el.scrollTop = total;
  }, [box.version, lines.length, target, view.columns, total]);
  useEffect(() => sel.on('over', () => mark(ref.current)), []);
  useEffect(() => mark(ref.current));

  const scrolled = () => {
    const el = ref.current, atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
    follow.current = atEnd;
    if (el.scrollTop < 200) { const height = el.scrollHeight; box.older?.(); requestAnimationFrame(() => { if (el.scrollHeight > height && el.scrollTop < 200) el.scrollTop += el.scrollHeight - height; }); }
    setView(v => ({ ...v, top: el.scrollTop }));
  };
  const keys = e => {
    const at = document.activeElement?.closest?.('.log li[data-x]'), d = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[e.key];
    if (!at || !d || e.metaKey || e.ctrlKey) return;
    const next = d > 0 ? at.nextElementSibling : at.previousElementSibling;
    if (!next || next.matches('.probe, .note')) return;  // the end of the list: the page's keys go on
    if (next.matches('[data-x]')) { next.focus(); sel.setHover(+next.dataset.x); }
    e.preventDefault();
  };
  const body = [];
  for (let i = first; i < last; i++) body.push(html`<${Line} key=${lines[i].stamp + i} l=${lines[i]} hue=${hue} re=${re} isOpen=${open === lines[i]} setOpen=${setOpen} />`);
  return html`<ol ref=${ref} class=${`log${rows ? '' : ' box'}${fill ? ' fill' : ''}`} tabindex="0" aria-label=${t('logs')} onScroll=${rows ? null : scrolled} onKeyDown=${keys}
      onPointerOver=${e => { const li = e.target.closest('[data-x]'); sel.setHover(li ? +li.dataset.x : null); }} onPointerLeave=${() => sel.setHover(null)}>
      <li class="probe mono" aria-hidden="true">00000000000000000000</li>
      ${!rows && first > 0 && html`<li class="space" aria-hidden="true" style=${{ height: `${offsets[first]}px` }}></li>`}
      ${body}
      ${!rows && last < lines.length && html`<li class="space" aria-hidden="true" style=${{ height: `${total - offsets[last]}px` }}></li>`}
      ${!lines.length && html`<li class="note f3">${box.isLoading ? t('loading') : box.error ? t(`e_${box.error.code}`) : t('noLines')}</li>`}
      ${box.partial && html`<li class="note"><${Glyph} k="warn" />${t('fewLogs', { n: number(box.partial.read), m: number(box.partial.all), most: box.partial.most, few: box.partial.mostOfNode })}</li>`}
      ${box.isCut && html`<li class="note"><${Glyph} k="warn" />${t('cutLogs')}</li>`}
      ${box.notes.map(n => html`<li class="note"><${Glyph} k="warn" />${n}</li>`)}
      ${end}
    </ol>`;
}

/** The line nearest before the crosshair or the moment. */
function mark(el) {
  el?.querySelectorAll('.at').forEach(x => x.classList.remove('at'));
  const x = sel.hover ?? sel.value.moment;
  if (x == null || !el) return;
  let best = null;
  for (const li of el.children) if (li.dataset.x && +li.dataset.x <= x + 1) best = li;
  if (best && x - best.dataset.x < 3e4) best.classList.add('at');
}

function Line({ l, hue, re, isOpen, setOpen }) {
  if (l.note) return html`<li class="note"><${Glyph} k="warn" />${l.note}</li>`;
  const task = live.state.tasks.get(l.task), source = task ? taskName(live.state, task) : live.state.containers.get(l.task)?.name || l.task.slice(0, 12), level = statedLevel(l.text), m = re && re.exec(l.text);
  return html`<li class=${`${l.stream === 2 ? 'e' : ''}${isOpen ? ' open' : ''}`} data-x=${l.time} tabindex="-1">
    <time title=${l.stamp}>${hms(l.time, true)}</time>
    <a class=${`src s${1 + hue(l, task) % 6}`} href=${task ? to.task(task.id) : to.container(l.task)} tabindex="-1">${source}${task && task.slot == null ? '' : html`<i> ${nodeName(live.state, l.node || task?.node)}</i>`}</a>
    <span class=${`lv ${level}`}>${level || '·'}</span>
    <span class="tx">${m && m[0] ? html`${l.text.slice(0, m.index)}<mark>${m[0]}</mark>${l.text.slice(m.index + m[0].length)}` : l.text}</span>
    <button type="button" class="btn flat icon small dots" aria-label=${t('lineMenu')} aria-haspopup="menu" aria-expanded=${String(isOpen)} onClick=${() => setOpen(isOpen ? null : l)}><${Icon} n="more" /></button>
    ${isOpen && html`<${Menu} l=${l} task=${task} close=${() => setOpen(null)} />`}
  </li>`;
}

function Menu({ l, task, close }) {
  const ref = useRef(null), { from, to: end } = sel.value;
  useEffect(() => {
    ref.current.querySelector('button').focus();
    const away = e => { if (!ref.current?.parentElement.contains(e.target)) close(); };
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, []);
  const acts = [['startHere', '[', () => sel.range(l.time, Math.max(end, l.time + 2000))], ['endHere', ']', () => sel.range(Math.min(from, l.time - 2000), l.time + 1)], ['around', 'a', () => { sel.range(l.time - 3e4, l.time + 3e4); sel.at(l.time); }], null,
    task && ['thisTask', 't', () => setParams({ task: task.id, svc: serviceName(live.state, task.service) })], ['copyLink', '', () => { const u = new URL(location.href); u.searchParams.set('moment', new Date(l.time).toISOString()); navigator.clipboard?.writeText(u.href); }], ['copyLine', 'c', () => navigator.clipboard?.writeText(l.raw ?? l.text)]].filter(x => x !== false && x !== undefined);
  const run = f => { close(); f(); };
  const keys = e => {
    const items = [...ref.current.querySelectorAll('button')], i = items.indexOf(document.activeElement), act = acts.find(a => a && a[1] === e.key);
    if (e.key === 'Escape') close();
    else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') items[(i + (e.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length].focus();
    else if (act) run(act[2]);
    else return;
    e.preventDefault(); e.stopPropagation();
  };
  return html`<div class="menu" role="menu" ref=${ref} onKeyDown=${keys}>${acts.map(a => a === null ? html`<hr />` : html`<button type="button" role="menuitem" onClick=${() => run(a[2])}>${t(a[0])}${a[1] && html`<kbd>${a[1]}</kbd>`}</button>`)}</div>`;
}

/** The lines of the time shown, as a file. The address is made when it is used: in live time it moves. */
export const Download = query => html`<a class="btn small row" download href=${downloadOf(sel.value, query)} onClick=${e => { e.currentTarget.href = downloadOf(sel.value, query); }}>${t('download')}</a>`;
/** Goes to now, and stays there. */
export const Follow = () => { const on = sel.value.live; return html`<button type="button" class="btn small" aria-pressed=${String(on)} onClick=${() => sel.live()}><${Icon} n="down" />${t(on ? 'following' : 'follow')}</button>`; };
export const Kept = ({ box }) => html`<span>${box.isDone ? t('noMore') : box.reachedBack > sel.value.from ? t('lookedBack', { t: when(box.reachedBack) }) : t('kept')}</span>`;
