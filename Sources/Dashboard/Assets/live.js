// The cluster as it is now: one stream a tab, deltas into maps. What was known stays when the connection is lost, with its age.
import { get } from './api.js';

const KINDS = ['nodes', 'services', 'tasks', 'networks', 'containers', 'alerts', 'paths'];

/** Takes a delta in: pure but for `state`, which is changed. */
export function apply(state, delta) {
  if (delta.whole) for (const kind of KINDS) state[kind] = new Map();
  for (const [kind, items] of Object.entries(delta.set)) {
    if (kind === 'cluster') { state.cluster = items[0]; continue; }
    for (const item of items) state[kind]?.set(item.id ?? `${item.from} ${item.to} ${item.kind}`, item);
  }
  for (const [kind, ids] of Object.entries(delta.gone)) for (const id of ids) state[kind]?.delete(id);
  state.epoch = delta.epoch; state.revision = delta.revision; state.problem = delta.problem;
  return state;
}
export const blank = () => ({ cluster: null, epoch: '', revision: 0, problem: null, ...Object.fromEntries(KINDS.map(k => [k, new Map()])) });

/** Milliseconds without a word after which the manager is taken as gone; it says something every 15 s. A machine that is switched off closes nothing. */
export const SILENCE = 40000;

/** Milliseconds after which events are fetched that the stream has left out. */
const AGAIN = 2000;

/** As many events are kept of all times together, and as many more of the time that was asked for. */
const KEPT = 2000;

export class Live {
  constructor(now) {
    this.now = now;
    this.state = blank();
    this.events = [];                                   // another array whenever some have come
    this.known = new Set();                             // their keys
    this.cutAt = 0;                                     // the first event of an answer that was cut, or when the stream left some out
    this.askAgain = () => {};                           // fetches the events of the time shown
    this.asked = [Infinity, -Infinity];                 // the time that was asked for last
    this.leftOut = 0;                                   // the first that is known of that time, where more than are kept were known
    this.isConnected = false;
    this.lostAt = null;
    this.heard = null;
    this.tail = '';
    this.cursor = '';
    this.listeners = new Set();
    this.lineListeners = new Set();
    this.pending = false;
    this.delay = 500;
  }
  subscribe(f) { this.listeners.add(f); return () => this.listeners.delete(f); }
  onLines(f) { this.lineListeners.add(f); return () => this.lineListeners.delete(f); }
  /** Many changes of one frame are one drawing. */
  tell() {
    if (this.pending) return;
    this.pending = true;
    const run = () => { this.pending = false; for (const f of [...this.listeners]) f(); };
    if (document.hidden) setTimeout(run, 500); else requestAnimationFrame(run);
  }
  lines(lines, note) { for (const f of [...this.lineListeners]) f(lines, note); }

  /** @param tail Scopes whose lines are wanted, as in `service:x,task:y`. */
  follow(tail) {
    this.tail = tail;
    clearTimeout(this.turn);
    // A page that goes and one that comes are one change.
    this.turn = setTimeout(() => { if (this.source && this.followed !== this.tail) this.connect(); }, 60);
  }

  connect() {
    this.close();
    this.followed = this.tail;
    const query = new URLSearchParams();
    if (this.state.epoch) { query.set('epoch', this.state.epoch); query.set('revision', this.state.revision); }
    if (this.tail) query.set('tail', this.tail);
    if (this.cursor) query.set('after', this.cursor);
    const source = this.source = new EventSource(`/ui/v1/stream?${query}`), on = (name, f) => source.addEventListener(name, e => { this.watch(); f(e); });
    this.watch();
    on('open', () => { this.delay = 500; });
    on('state', e => { apply(this.state, JSON.parse(e.data)); this.isThere(); this.tell(); });
    on('ping', () => { const wasLost = this.lostAt; this.isThere(); if (wasLost) this.tell(); });
    on('event', e => {
      if (e.lastEventId) this.cursor = e.lastEventId;
      this.add([JSON.parse(e.data)]);
    });
    on('lines', e => this.lines(JSON.parse(e.data)));
    on('skipped', e => {
      const { lines, events } = JSON.parse(e.data);
      if (lines) this.lines([], { skipped: lines });
      // Until they have been fetched nothing before now is taken as whole. Not each time: this reader is slow as it is.
      if (events) { this.cutAt = this.now(); this.tell(); this.again ??= setTimeout(() => { this.again = null; this.askAgain(); }, AGAIN); }
    });
    on('tail', e => this.lines([], { ended: JSON.parse(e.data)[0] }));
    // Or the manager could not tell for a moment: then it is no end.
    source.addEventListener('signedout', () => { this.lost(); this.check(); });
    source.addEventListener('error', () => this.lost());
  }
  isThere() { this.isConnected = true; this.lostAt = null; this.heard = this.now(); }
  watch() { clearTimeout(this.silence); this.silence = setTimeout(() => this.lost(), SILENCE); }
  close() { clearTimeout(this.timer); clearTimeout(this.silence); this.source?.close(); this.source = null; }
  lost() {
    this.close();
    this.isConnected = false;
    this.lostAt ??= this.now();
    this.tell();
    this.timer = setTimeout(() => { this.check(); this.connect(); }, this.delay);
    this.delay = Math.min(this.delay * 2, 8000);
  }
  /** Whether the session is over rather than the connection; the page is told by `api.js`. */
  check() { get('state').catch(() => {}); }

  /** Before this moment there may be events of the time that was asked for that are not known: 0 where all of them are. */
  get knownSince() { return Math.max(this.cutAt, this.leftOut); }
  /** Events once each, in order of time. Compares with those that are known where some come between them, else with none. */
  add(events, asked = this.asked) {
    this.asked = asked;
    const fresh = events.filter(e => { const k = key(e); if (this.known.has(k)) return false; this.known.add(k); return true; });
    if (!fresh.length) return;
    const all = merged(this.events, fresh.sort((a, b) => a.time - b.time)), newest = Math.max(0, all.length - KEPT);
    const end = Math.min(newest, place(all, t => t <= asked[1])), begin = Math.min(end, place(all, t => t < asked[0])), first = Math.max(begin, end - KEPT);
    this.leftOut = first > begin ? all[first].time : 0;
    for (const e of [...all.slice(0, first), ...all.slice(end, newest)]) this.known.delete(key(e));
    this.events = newest ? [...all.slice(first, end), ...all.slice(newest)] : all;
    this.tell();
  }
}
/** How many events, which are in order of time, come before the first whose time is none of those that `is` holds for. */
function place(events, is) {
  let low = 0, high = events.length;
  while (low < high) { const middle = (low + high) >> 1; if (is(events[middle].time)) low = middle + 1; else high = middle; }
  return low;
}
/** Both in order of time; of the same time the known ones come first. */
function merged(known, fresh) {
  let at = place(known, t => t <= fresh[0].time);
  const all = known.slice(0, at);
  for (const e of fresh) { while (at < known.length && known[at].time <= e.time) all.push(known[at++]); all.push(e); }
  while (at < known.length) all.push(known[at++]);
  return all;
}
const key = e => `${e.time} ${e.type} ${e.action} ${e.id}`;
