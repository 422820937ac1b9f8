// The one Selection: {from, to, live, moment, length}. Every view's time; kept in the address. Pure, but for the store at the end.
export const LENGTHS = [['15m', 9e5], ['1h', 36e5], ['6h', 216e5], ['24h', 864e5], ['7d', 6048e5]];
export const SHORTEST = 2000, LONGEST = 31 * 864e5;
const AHEAD = 6e4;                                    // so far a node's clock may be before the page's

const iso = ms => new Date(ms).toISOString().replace(/\.000Z$/, 'Z');
const time = text => { const n = text ? Date.parse(text) : NaN; return isFinite(n) ? n : null; };

/** Reads an address's parameters; what makes no sense is the last hour. */
export function parse(params, now) {
  const length = (LENGTHS.find(([name]) => name === params.get('last')) || LENGTHS[1])[1];
  const from = time(params.get('from')), to = time(params.get('to')), moment = time(params.get('moment'));
  if (from != null && to != null && to - from >= SHORTEST && to - from <= LONGEST) return { from, to, live: false, moment, length, ctx: context(from, to, length, now) };
  if (moment != null) return { from: moment - length / 2, to: Math.min(now, moment + length / 2), live: false, moment, length, ctx: [moment - length / 2, Math.min(now, moment + length / 2)] };
  return { from: now - length, to: now, live: true, moment: null, length, ctx: [now - length, now] };
}

/** The range that the strip shows around a window: the last length asked for, if the window fits in. */
function context(from, to, length, now) {
  if (to - from >= length) return [from, to];
  const end = Math.min(now, Math.max(to, (from + to) / 2 + length / 2));
  return [Math.min(from, end - length), end];
}

/** Writes it into an address's parameters; what is the rule is left out. */
export function format(sel, params) {
  for (const k of ['from', 'to', 'last', 'moment']) params.delete(k);
  const name = (LENGTHS.find(([, ms]) => ms === sel.length) || [])[0];
  if (name && name !== '1h') params.set('last', name);
  if (!sel.live) { params.set('from', iso(sel.from)); params.set('to', iso(sel.to)); }
  if (sel.moment != null) params.set('moment', iso(sel.moment));
  return params;
}

/** A range, never beyond now, never shorter or longer than can be shown. */
export function range(sel, from, to, now) {
  const length = Math.min(LONGEST, Math.max(SHORTEST, to - from));
  if (to > now) { to = now; from = to - length; } else to = from + length;
  const inside = from >= sel.ctx[0] && to <= sel.ctx[1];
  return { ...sel, from, to, live: false, ctx: inside ? sel.ctx : [from, to] };
}

/** The last so many milliseconds, moving on. */
export function live(sel, length, now) {
  const ms = length || sel.length;
  return { ...sel, from: now - ms, to: now, live: true, moment: null, length: ms, ctx: [now - ms, now] };
}

export const pan = (sel, part, now) => range(sel, sel.from + (sel.to - sel.from) * part, sel.to + (sel.to - sel.from) * part, now);
/** @param factor 2 is twice as long. */
export function zoom(sel, factor, now) {
  const middle = (sel.from + sel.to) / 2, half = (sel.to - sel.from) * factor / 2;
  return range(sel, middle - half, middle + half, now);
}
/** A line through all charts; who looks at a moment does not move on. */
export const at = (sel, moment) => ({ ...sel, moment, live: false });
export const same = (a, b) => a.from === b.from && a.to === b.to && a.live === b.live && a.moment === b.moment;

/** The page's Selection: who listens to `range` draws lines, who listens to `over` only what is on top of them. */
export class SelectionStore {
  constructor(now) {
    this.now = now;
    this.value = parse(new URLSearchParams(), now());
    this.hover = null;
    this.brush = null;
    this.back = [];
    this.listeners = { range: new Set(), over: new Set() };
    this.changed = () => {};
  }
  on(kind, f) { this.listeners[kind].add(f); return () => this.listeners[kind].delete(f); }
  tell(kind) { for (const f of [...this.listeners[kind]]) f(); }
  /** @param remember Whether Esc leads back to what was before. */
  set(next, remember = true) {
    if (same(next, this.value)) return;
    if (remember) { this.back.push(this.value); if (this.back.length > 50) this.back.shift(); }
    this.value = next; this.brush = null;
    this.changed();
    this.tell('range');
  }
  move(now) { if (this.value.live) { const l = live(this.value, 0, now); this.value = l; this.tell('range'); } }
  /** The range rests under the pointer: a line that has come meanwhile takes it along, else nothing would show where it is. */
  setHover(x) {
    if (this.hover === x) return;
    this.hover = x;
    if (x != null && x > this.value.to && x < this.now() + AHEAD) this.move(Math.max(x, this.now()));
    this.tell('over');
  }
  setBrush(b) { this.brush = b; this.tell('over'); }
  range(from, to) { this.set(range(this.value, from, to, this.now())); }
  live(length) { this.set(live(this.value, length, this.now())); }
  at(moment) { this.set(at(this.value, moment)); }
  pan(part) { this.set(pan(this.value, part, this.now())); }
  zoom(factor) { this.set(zoom(this.value, factor, this.now())); }
  /** The range before; without one the moment goes. */
  undo() {
    if (this.brush) return this.setBrush(null);
    const before = this.back.pop();
    if (before) this.set(before.live ? live(before, 0, this.now()) : before, false);
    else if (this.value.moment != null) this.set({ ...this.value, moment: null }, false);
  }
}
