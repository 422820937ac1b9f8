// Keys: pages, the time, and the rows of every list, one after the other down the page.
import { keysHelp, palette } from './palette.js';
import { route, sel, to, visit } from './app.js';

/** What `j` and `k` go through: whatever has somewhere to go or something to do. */
const ROWS = 'tbody tr, .nodes .node, .att li, .events li, .log li[data-x]';
const rowOf = el => el?.closest?.(ROWS);
const hasWay = row => !!row.querySelector('a[href], button') && !row.closest('.chart');
/** The row at which the keyboard was last: a list that is drawn in another order may take the focus from it. */
let last = null;

/** The place to go on at; -1 for none. Pure. @param tops Of the rows, from the window's top. @param room What is seen of the page, from and to. */
export function nextRow(tops, at, step, [from, end]) {
  if (at >= 0) { const next = at + step; return next >= 0 && next < tops.length ? next : -1; }
  if (step > 0) { const seen = tops.findIndex(y => y >= from); return seen < 0 ? tops.length - 1 : seen; }
  for (let i = tops.length - 1; i >= 0; i--) if (tops[i] < end) return i;
  return -1;
}

/** Where a row is in the window; what the box of a list hides is beyond it. */
function topOf(row) {
  const { top } = row.getBoundingClientRect(), box = row.closest('.log.box')?.getBoundingClientRect();
  return box && top < box.top ? -1 : box && top >= box.bottom ? Infinity : top;
}

/** To the row below or above; the first time to the first one in sight. */
function goOn(step) {
  const rows = [...document.querySelectorAll('#main :is(' + ROWS + ')')].filter(hasWay), here = rowOf(document.activeElement) || (document.activeElement?.closest?.('button, a, .plot, .strip') ? null : last);
  const time = document.querySelector('.time')?.getBoundingClientRect().bottom || 0, next = rows[nextRow(rows.map(topOf), rows.indexOf(here), step, [time, innerHeight])];
  if (!next) return;
  last = next;
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
  sel.setHover(next.dataset.x ? +next.dataset.x : null);
}

/** What a row is for: its object, where it has one; of a line its menu, of an event that leads nowhere its moment. */
export const wayOf = row => (row.matches('.log li') ? row.querySelector('.dots') : row.matches('.att li') ? [...row.querySelectorAll('a[href]')].pop() : null) || row.querySelector('a[href]') || row.querySelector('button');

/** The lines of one object by its address: `/services/web` is `{svc: 'web'}`. Pure. */
export function linesOf(path) {
  const [name, id] = path, key = { services: 'svc', tasks: 'task', containers: 'container', nodes: 'node' }[name];
  return id && key ? { [key]: id } : {};
}
/** Of the row that has the focus, where that is an object's; else of the page. */
function lines() {
  const row = rowOf(document.activeElement), way = row && !row.matches('.log li') && wayOf(row), path = way?.pathname?.split('/').filter(Boolean).map(decodeURIComponent) || [], of = linesOf(path);
  leave(() => visit(to.page('logs', Object.keys(of).length ? of : linesOf(route.path))));
}

/** Away from a row: its moment is not looked at any more, and live time goes on. */
const leave = then => { sel.setHover(null); then(); };

const PAGES = { o: 'overview', m: 'map', s: 'services', n: 'nodes', w: 'networks', l: 'logs', e: 'events', p: 'paths', a: 'alerts' };
const ACTS = {
  L: () => leave(() => sel.live()), Escape: () => leave(() => sel.undo()), '[': () => sel.pan(-0.5), ']': () => sel.pan(0.5), '-': () => sel.zoom(2), '+': () => sel.zoom(0.5), '=': () => sel.zoom(0.5), '?': keysHelp, g: () => { keys.g = true; }, l: lines, j: () => goOn(1), k: () => goOn(-1),
  '/': () => { const field = document.querySelector('input[type=search]'); if (field) field.focus(); else palette(); },
};

export function keys(e) {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') { e.preventDefault(); palette(); return; }
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || /INPUT|SELECT|TEXTAREA/.test(e.target.tagName) || document.querySelector('dialog[open]') || e.target.closest?.('.menu')) return;
  const page = keys.g && PAGES[e.key], row = e.key === 'Enter' && e.target.matches?.(ROWS) && e.target;
  keys.g = false;
  if (page) leave(() => visit(to.page(page)));
  else if (row) { e.preventDefault(); leave(() => wayOf(row)?.click()); }
  else if (Object.hasOwn(ACTS, e.key)) { if (e.key === '/') e.preventDefault(); ACTS[e.key](); }
}
