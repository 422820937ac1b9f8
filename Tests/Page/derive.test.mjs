import assert from 'node:assert/strict';
import test from 'node:test';
import { attention, bestOf, containerGlyph, containersOf, downloadOf, eventKind, hasQuorum, isEntered, keepKnown, lastReason, logScope, matcher, serviceGlyph, statedLevel, worstFirst } from '../../Sources/Dashboard/Assets/derive.js';
import { Live, apply, blank } from '../../Sources/Dashboard/Assets/live.js';
import { age, bytes, clock, figure, niceTop, plain, publishedText, shortImage, span, targetText, ticks, visible, zoneName } from '../../Sources/Dashboard/Assets/format.js';
import en from '../../Sources/Dashboard/Assets/words-en.js';
import zh from '../../Sources/Dashboard/Assets/words-zh-hant.js';

const units = { d: 'd', h: 'h', m: 'min', s: 's' };
const service = (name, running, desired, more) => ({ id: name, name, running, desired, mode: 'replicated', ...more });
const state = (parts = {}) => { const s = blank(); s.cluster = { managers: 3, reachable: 3 }; for (const [k, list] of Object.entries(parts)) s[k] = new Map(list.map(x => [x.id, x])); return s; };

test('both languages have the same keys with the same places', () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  const places = text => (text.match(/\{\w+\}/g) || []).sort();
  for (const key of Object.keys(en)) assert.deepEqual(places(zh[key]), places(en[key]), key);
});

test('red is what needs a person', () => {
  assert.equal(serviceGlyph(service('a', 0, 1)), 'bad');
  assert.equal(serviceGlyph(service('a', 5, 6, { update: { state: 'updating' } })), 'busy');
  assert.equal(serviceGlyph(service('a', 6, 6, { update: { state: 'paused' } })), 'warn');
  assert.equal(serviceGlyph(service('a', 6, 6, { update: { state: 'completed' } })), 'ok');
  assert.deepEqual(worstFirst([service('b', 1, 1), service('a', 1, 1), service('z', 0, 1)]).map(x => x.name), ['z', 'a', 'b']);
});

test('attention has each thing once, with its last reason in full', () => {
  const task = { id: 't', service: 'db', node: 'n1', slot: 1, state: 'rejected', desired: 'shutdown', since: 5, createdAt: 1, error: 'No such image' };
  const list = attention(state({ services: [service('db', 0, 1), service('web', 2, 2)], tasks: [task, { ...task, id: 't2', since: 9 }], nodes: [{ id: 'n1', name: 'n1', state: 'down', availability: 'active' }] }), 10);
  assert.deepEqual(list.map(a => [a.k, a.kind, a.name]), [['bad', 'nodes', 'n1'], ['bad', 'services', 'db']]);
  assert.equal(list[1].reason, 'No such image');
  assert.deepEqual(list[1].more, ['attempts', { n: 2, at: 5 }]);
});

test('a healthy cluster is quiet', () => assert.deepEqual(attention(state({ services: [service('web', 2, 2)], nodes: [{ id: 'n', name: 'n', state: 'ready', availability: 'active' }] }), 0), []));
test('quorum is more than half', () => assert.deepEqual([[3, 2], [3, 1], [1, 1], [2, 1], [0, 0]].map(([managers, reachable]) => hasQuorum({ managers, reachable })), [true, false, true, false, true]));
test('a reason of a task that waits comes first', () => assert.equal(lastReason([{ state: 'failed', error: 'old', since: 1 }, { state: 'pending', error: 'no suitable node', since: 2 }]).reason, 'no suitable node'));

for (const [line, level] of [['{"level":"error"}', 'error'], ['ts=1 level=info msg="0 errors"', 'info'], ['2026 [Warning] disk', 'warn'], ['<11>1 2026 host', 'error'], ['<30>Jan', 'info'], ['[12:00] [FATAL] gone', 'error'], ['0 errors, 3 warnings', ''], ['error: no such file', ''], ['loglevel=error', ''], ['', ''], ['<999>x', ''], ['[1] x', '']]) test(`stated level of ${line}`, () => assert.equal(statedLevel(line), level));

test('a text is a text until it is a whole regular expression', () => {
  assert.ok(matcher('/a+b/').test('xAAB') && !matcher('/a+b/').test('a+b'));
  assert.ok(matcher('/a(').test('x/a(y') && matcher('/(/').test('/(/') && matcher('a.b').test('A.B') && !matcher('a.b').test('axb'));
  assert.equal(matcher(''), null);
});

test('events are marked by what they mean', () => {
  assert.deepEqual([['task', 'failed'], ['task', 'running'], ['container', 'die', { exitCode: '1' }], ['container', 'die', { exitCode: '0' }], ['service', 'update'], ['audit', 'scale'], ['node', 'update', { 'state.new': 'down' }], ['volume', 'mount']].map(([type, action, attributes]) => eventKind({ type, action, attributes })), ['bad', 'start', 'bad', '', 'update', 'audit', 'node', '']);
});

test('deltas change what they name and nothing else', () => {
  const s = apply(blank(), { whole: true, epoch: 'e', revision: 1, problem: null, set: { cluster: [{ name: 'c' }], services: [service('a', 1, 1), service('b', 1, 1)] }, gone: {} });
  apply(s, { whole: false, epoch: 'e', revision: 2, problem: 'noSwarm', set: { services: [service('a', 0, 1)] }, gone: { services: ['b', 'x'] } });
  assert.deepEqual([...s.services.values()].map(x => [x.name, x.running]), [['a', 0]]);
  assert.deepEqual([s.cluster.name, s.revision, s.problem], ['c', 2, 'noSwarm']);
  apply(s, { whole: true, epoch: 'f', revision: 1, problem: null, set: {}, gone: {} });
  assert.equal(s.services.size, 0);
});

test('what was drawn of a node that does not answer stays, and the hatching begins where it ends', () => {
  const old = { from: 0, step: 10, lines: [{ name: 'a', values: [1, 2, 3] }, { name: 'b', values: [4, 5, 6] }] };
  const next = keepKnown(old, { from: 10, step: 10, lines: [{ name: 'a', values: [2, 3, 7] }], gaps: [{ node: 'b', from: 10, to: 40 }] });
  assert.deepEqual(next.lines, [{ name: 'a', values: [2, 3, 7] }, { name: 'b', values: [5, 6, null] }]);
  assert.equal(next.gaps[0].from, 30);
  const other = keepKnown(old, { from: 1000, step: 10, lines: [{ name: 'a', values: [1] }], gaps: [{ node: 'b', from: 1000, to: 1010 }] });
  assert.deepEqual([other.lines.length, other.gaps[0].from], [1, 1000]);
  const whole = { from: 0, step: 10, lines: [{ name: 'sum', values: [9] }], gaps: [{ node: 'b', from: 0, to: 10 }] };
  assert.equal(keepKnown(null, whole), whole);
});

test('paths and meshes that are unwell are marked', () => {
  for (const action of ['path-ill', 'mesh-ill']) assert.equal(eventKind({ type: 'network', action, attributes: {} }), 'warn');
  for (const action of ['path-well', 'mesh-well']) assert.equal(eventKind({ type: 'network', action, attributes: {} }), '');
});

test('what containers write cannot move, hide or turn round other text', () => {
  assert.equal(visible('<b>plain</b>\ttext \u4e2d'), '<b>plain</b>\ttext \u4e2d');
  assert.equal(visible('\x1b[31mred\x1b[0m'), 'red');
  assert.equal(visible('a\0b\rc\nd\x1b[2Je\x7f'), 'a\u2400b\u240dc\u240ad\u241b[2Je\u2421');
  assert.equal(visible('user\u202egpj.exe\u2066x\x9b1m\u2028'), 'user\u2039202e\u203agpj.exe\u20392066\u203ax\u20399b\u203a1m\u20392028\u203a');
});

test('events are kept once each, in order', () => {
  const l = new Live(() => 0);
  l.tell = () => {};
  l.add([{ time: 5, type: 'a', action: 'b', id: 'c' }, { time: 1, type: 'a', action: 'b', id: 'c' }]);
  l.add([{ time: 5, type: 'a', action: 'b', id: 'c' }]);
  assert.deepEqual(l.events.map(e => e.time), [1, 5]);
});

test('whatever events come in whatever order, the same are kept as if all were put in order anew', () => {
  let seed = 7;
  const random = n => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 2147483648 * n); };
  const key = e => `${e.time} ${e.id}`, l = new Live(() => 0);
  l.tell = () => {};
  let events = [], leftOut = 0, asked = [Infinity, -Infinity];
  for (let round = 0; round < 400; round++) {
    const some = Array.from({ length: random(10) ? random(5) : random(900) }, () => ({ time: random(20) ? 3 * round + random(40) : random(1200), type: 'a', action: 'b', id: String(random(9)) }));
    if (!random(15)) { const from = random(1200); asked = [from, from + random(600)]; }
    const known = new Set(events.map(key)), fresh = some.filter(e => !known.has(key(e)) && known.add(key(e)));
    if (fresh.length) {
      const all = [...events, ...fresh].sort((a, b) => a.time - b.time), older = all.slice(0, -2000).filter(e => e.time >= asked[0] && e.time <= asked[1]);
      leftOut = older.length > 2000 ? older.at(-2000).time : 0;
      events = [...older.slice(-2000), ...all.slice(-2000)];
    }
    const former = l.events;
    l.add(some, asked);
    assert.deepEqual(l.events, events);
    assert.equal(l.leftOut, leftOut);
    assert.equal(l.known.size, events.length);
    assert.equal(l.events !== former, fresh.length > 0, 'who draws sees by it whether some have come');
  }
  assert.ok(events.length > 2000);
});

test('an event that comes last is compared with few others', () => {
  const l = new Live(() => 0);
  l.tell = () => {};
  let looks = 0;
  const event = time => ({ get time() { looks++; return time; }, type: 'a', action: 'b', id: String(time) });
  l.add(Array.from({ length: 2000 }, (_, i) => event(i)));
  looks = 0;
  l.add([event(3000)]);
  assert.ok(looks < 60, `${looks} looks`);
  assert.equal(l.events.at(-1).time, 3000);
  assert.equal(l.events.length, 2000);
});

test('events of a time that was asked for stay, however many newer ones there are', () => {
  const l = new Live(() => 0);
  l.tell = () => {};
  const event = time => ({ time, type: 'a', action: 'b', id: String(time) });
  const some = (from, count) => Array.from({ length: count }, (_, i) => event(from + i));
  l.add(some(10_000, 2000));
  l.add(some(100, 300), [100, 500]);
  const seen = () => l.events.filter(e => e.time >= 100 && e.time <= 500).length;
  assert.equal(seen(), 300);
  assert.equal(l.knownSince, 0);
  // More come meanwhile; those of no time that was asked for make room.
  l.add(some(20_000, 500));
  assert.equal(seen(), 300);
  assert.equal(l.events.length, 2300);
  // More of it than are kept: from when on it is known is told.
  l.add(some(1000, 2500), [1000, 4000]);
  assert.equal(seen(), 0);
  assert.equal(l.knownSince, 1500);
});

test('figures', () => {
  assert.deepEqual([bytes(0), bytes(536870912), bytes(2040109466), bytes(null), bytes(1023)], ['0 B', '512 MiB', '1.9 GiB', '—', '1.0 KiB']);
  assert.deepEqual([figure(0), figure(0.024), figure(12.34), figure(1518), figure(NaN)], ['0', '0.02', '12.3', '1,518', '—']);
  assert.deepEqual([plain(8), plain(2.5), plain(0.02), plain(100), plain(1518), plain(0)], ['8', '2.5', '0.02', '100', '1,518', '0']);
  assert.deepEqual([span(65e3, units), span(0, units), span(36e5, units), span(90061e3, units)], ['1 min 5 s', '0 s', '1 h', '1 d 1 h']);
  assert.deepEqual([age(59e3, units), age(3599e3, units), age(864e5, units)], ['59 s', '59 min', '1 d']);
  assert.deepEqual([shortImage('registry.lan:5000/shop/web:2.4.1@sha256:' + 'a'.repeat(64)), shortImage('library/nginx'), shortImage('nginx')], ['shop/web:2.4.1', 'library/nginx', 'nginx']);
  assert.equal(clock(Date.UTC(2026, 7, 12, 14, 13, 20, 7), true, true), '14:13:20.007');
  assert.equal(zoneName(0, true), 'UTC');
});

test('axes are round', () => {
  assert.deepEqual([0.9, 7.2, 95, 512, 1041].map(niceTop), [1, 8, 100, 600, 1500]);
  const labels = ticks(Date.UTC(2026, 0, 1, 10, 2), Date.UTC(2026, 0, 1, 11, 2), 220, true).map(([, l]) => l);
  assert.deepEqual(labels, ['10:20', '10:40']);
});

test('ports in a row are told by the first and the last', () => {
  const row = { published: 10000, target: 20000, last: 10099 };
  assert.deepEqual([publishedText(row), targetText(row)], ['10000–10099', '20000–20099']);
  assert.deepEqual([publishedText({ published: 80, target: 8080 }), targetText({ published: 80, target: 8080 })], ['80', '8080']);
});

const containers = () => { const s = state({ services: [service('web', 2, 2), service('db', 1, 1)], tasks: [{ id: 't1' }], nodes: [{ id: 'n1', name: 'one', state: 'ready' }, { id: 'n2', name: 'two', state: 'down' }], containers: [{ id: 'c1', name: 'zip', node: 'n1', state: 'running', status: 'Up 3 minutes' }, { id: 'c2', name: 'ask', node: 'n1', state: 'exited', status: 'Exited (0) 2 hours ago' }, { id: 'c3', name: 'buf', node: 'n2', state: 'running', status: 'Up 2 days (unhealthy)' }] }); s.cluster.nodeID = 'n1'; return s; };

test('containers of all nodes: those that run first, and nothing is said to run where nobody answers', () => {
  const s = containers();
  assert.deepEqual(containersOf(s).map(c => c.id), ['c3', 'c1', 'c2']);
  assert.deepEqual(containersOf(s, 'n1').map(c => c.id), ['c1', 'c2']);
  assert.deepEqual(containersOf(s).map(c => containerGlyph(s, c)), ['off', 'ok', 'off']);
  s.nodes.get('n2').state = 'ready';
  assert.equal(containerGlyph(s, s.containers.get('c3')), 'warn');
});

test('of what is looked for the best come first, then by name, and no more than asked for', () => {
  const items = ['b10', 'b9', 'none', 'a'].map(name => ({ name })), score = x => (x.name === 'none' ? null : x.name === 'a' ? 5 : 1);
  assert.deepEqual(bestOf(items, score, 9).map(x => x.name), ['a', 'b9', 'b10']);
  assert.deepEqual(bestOf(new Map([[1, { name: 'x' }]]).values(), () => 0, 1).length, 1);
  assert.equal(bestOf(items, score, 1)[0].name, 'a');
});

test('a shell is offered in containers of the manager that answers alone', () => assert.deepEqual(containersOf(containers()).map(c => isEntered(containers(), c)), [false, true, false]));

test('the page of logs shows one task, container or node, some services, or everything', () => {
  const s = containers(), of = query => logScope(s, new URLSearchParams(query)).scope;
  assert.deepEqual(['', 'svc=db,web', 'svc=none', 'node=two', 'container=c3', 'container=gone', 'task=t1&container=c1&node=one', 'container=c1&node=two&svc=web'].map(of), ['cluster', 'service:web,service:db', 'cluster', 'node:n2', 'container:c3', 'cluster', 'task:t1', 'container:c1']);
});

test('a download is of the time, the logs and the text shown; a regular expression is not sent', () => {
  assert.equal(downloadOf({ from: 1.4, to: 9.6 }, { scope: 'service:a,service:b', text: 'a&b', stderr: true }), '/ui/v1/logs/download?scope=service%3Aa%2Cservice%3Ab&from=1&to=10&text=a%26b&stderr=1');
  assert.equal(downloadOf({ from: 1, to: 2 }, { scope: 'cluster', text: '/a+/', stated: true }), '/ui/v1/logs/download?scope=cluster&from=1&to=2&stated=1');
});
