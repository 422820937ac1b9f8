import assert from 'node:assert/strict';
import test from 'node:test';
import { Live, SILENCE } from '../../Sources/Dashboard/Assets/live.js';

/** A stream of a test's making, the last that was opened. */
class Source {
  static all = [];
  constructor(url) { this.url = url; this.heard = {}; this.isOpen = true; Source.all.push(this); }
  addEventListener(name, f) { this.heard[name] = f; }
  close() { this.isOpen = false; }
  say(name, data = {}) { this.heard[name]({ data: JSON.stringify(data), lastEventId: '' }); }
  static get last() { return Source.all.at(-1); }
}
const whole = { whole: true, epoch: 'e', revision: 4, problem: null, gone: {}, set: { cluster: [{ managers: 1, reachable: 1 }], nodes: [{ id: 'n' }] } };

/** A page's view of the cluster, with its clock and its connection played. */
function played(body) {
  const names = ['EventSource', 'document', 'requestAnimationFrame', 'fetch', 'setTimeout', 'clearTimeout'], kept = names.map(k => [k, globalThis[k]]), timers = new Map();
  let now = 0, count = 0;
  Object.assign(globalThis, {
    EventSource: Source, document: { hidden: false }, requestAnimationFrame: f => f(), fetch: () => Promise.reject(new TypeError('none')),
    setTimeout: (f, ms) => { timers.set(++count, [now + ms, f]); return count; }, clearTimeout: id => timers.delete(id),
  });
  const pass = ms => {
    const end = now + ms;
    for (;;) {
      const [id, [at, f]] = [...timers].sort((a, b) => a[1][0] - b[1][0])[0] ?? [0, [Infinity]];
      if (at > end) break;
      now = at; timers.delete(id); f();
    }
    now = end;
  };
  const live = new Live(() => now);
  try { body(live, pass); } finally { live.close(); for (const [k, v] of kept) globalThis[k] = v; }
}

test('a manager that closes nothing and says nothing is taken as gone, and what is known stays', () => played((live, pass) => {
  live.connect();
  Source.last.say('state', whole);
  for (let i = 0; i < 8; i++) { pass(15000); Source.last.say('ping'); }
  assert.equal(live.lostAt, null);
  assert.equal(live.heard, 120000, 'what is seen is of the last word');
  const silent = Source.last;
  pass(SILENCE - 1);
  assert.equal(live.isConnected, true);
  pass(1);
  assert.equal(live.isConnected, false);
  assert.equal(live.lostAt, 120000 + SILENCE);
  assert.equal(silent.isOpen, false);
  assert.equal(live.state.nodes.size, 1);
}));

test('it is asked for again, also where no answer comes, and is back with the first word', () => played((live, pass) => {
  live.connect();
  Source.last.say('state', whole);
  Source.last.say('error');
  const lost = live.lostAt, asked = Source.all.length;
  pass(500);
  assert.equal(Source.all.length, asked + 1);
  assert.match(Source.last.url, /epoch=e&revision=4/);
  pass(SILENCE);  // A connection that is never made.
  pass(8000);
  assert.equal(Source.all.length, asked + 2);
  assert.equal(live.lostAt, lost, 'its age is counted from the first');
  Source.last.say('open');
  assert.equal(live.lostAt, lost, 'an open connection has said nothing of the cluster yet');
  Source.last.say('ping');  // Nothing is other than it was.
  assert.equal(live.isConnected, true);
  assert.equal(live.lostAt, null);
  assert.equal(live.state.nodes.size, 1);
}));

test('events that the stream left out are fetched, and until then it is said that some are missing', () => played((live, pass) => {
  let fetched = 0;
  live.askAgain = () => { fetched++; };
  live.connect();
  pass(7000);
  Source.last.say('skipped', { events: 0, lines: 3 });
  assert.deepEqual([fetched, live.knownSince], [0, 0]);
  Source.last.say('skipped', { events: 12, lines: 0 });
  assert.deepEqual([fetched, live.knownSince], [0, 7000]);
  pass(1000);
  Source.last.say('skipped', { events: 1, lines: 0 });
  pass(1000);
  assert.deepEqual([fetched, live.knownSince], [1, 8000], 'once for all that are left out meanwhile');
  Source.last.say('skipped', { events: 1, lines: 0 });
  pass(2000);
  assert.equal(fetched, 2);
}));

test('a turn to other lines is no loss', () => played((live, pass) => {
  live.connect();
  Source.last.say('state', whole);
  live.follow('service:web');
  pass(60);
  assert.match(Source.last.url, /tail=service%3Aweb/);
  assert.equal(live.isConnected, true);
  pass(SILENCE - 1);
  assert.equal(live.isConnected, true);
}));

test('a session that could not be judged for a moment is asked for again', () => played((live, pass) => {
  live.connect();
  Source.last.say('state', whole);
  const ended = Source.last, asked = Source.all.length;
  ended.say('signedout');
  assert.equal(live.isConnected, false);
  assert.equal(ended.isOpen, false);
  pass(500);
  assert.equal(Source.all.length, asked + 1);
  Source.last.say('ping');
  assert.equal(live.isConnected, true);
}));
