// Run by `node --test Tests/Page`: what of the page needs no browser.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LONGEST, SelectionStore, format, live, pan, parse, range, zoom } from '../../Sources/Dashboard/Assets/selection.js';

const NOW = Date.UTC(2026, 7, 12, 6, 40), H = 36e5;
const of = text => parse(new URLSearchParams(text), NOW);
const text = sel => format(sel, new URLSearchParams()).toString();

test('without parameters it is the last hour, moving on', () => {
  const s = of('');
  assert.deepEqual([s.from, s.to, s.live, s.moment], [NOW - H, NOW, true, null]);
  assert.equal(text(s), '');
});

test('what was brushed is read back as it was written', () => {
  const s = range(of('last=6h'), NOW - 2 * H, NOW - H, NOW), again = of(text(s));
  assert.deepEqual([again.from, again.to, again.live, again.length], [NOW - 2 * H, NOW - H, false, 6 * H]);
  assert.ok(again.ctx[0] <= again.from && again.ctx[1] >= again.to);
});

test('a moment alone is shown in its middle', () => {
  const s = of('moment=2026-08-12T03:00:00Z');
  assert.equal(s.live, false);
  assert.equal((s.from + s.to) / 2, s.moment);
});

for (const bad of ['from=x&to=y', 'from=2026-08-12T06:00:00Z', 'from=2026-08-12T06:00:00Z&to=2026-08-12T05:00:00Z', 'from=2026-08-12T06:00:00Z&to=2026-08-12T06:00:00Z', 'last=9y', 'from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'moment=%00']) {
  test(`what makes no sense is the last hour: ${bad}`, () => assert.equal(of(bad).live, true));
}

test('nothing goes beyond now, shorter than two seconds or longer than a month', () => {
  const s = of('');
  assert.equal(range(s, NOW - 1000, NOW + H, NOW).to, NOW);
  assert.equal(range(s, NOW - 10, NOW, NOW).to - range(s, NOW - 10, NOW, NOW).from, 2000);
  assert.equal(zoom(range(s, NOW - 30 * 864e5, NOW, NOW), 9, NOW).to - zoom(range(s, NOW - 30 * 864e5, NOW, NOW), 9, NOW).from, LONGEST);
  assert.equal(pan(s, 0.5, NOW).to, NOW);
  assert.equal(pan(s, -0.5, NOW).to, NOW - H / 2);
});

test('a brush ends live, Esc leads back, live moves on', () => {
  let now = NOW;
  const store = new SelectionStore(() => now), told = [];
  store.on('range', () => told.push(store.value.live));
  store.range(NOW - 600e3, NOW - 300e3);
  store.at(NOW - 400e3);
  store.undo();
  assert.equal(store.value.moment, null);
  now += 5000;
  store.undo();
  assert.deepEqual([store.value.live, store.value.to], [true, NOW + 5000]);
  now += 5000;
  store.move(now);
  assert.equal(store.value.to, NOW + 10000);
  assert.deepEqual(told, [false, false, false, true, true]);
});

test('hovering what has come since the range came to rest takes a live range along, and no other', () => {
  const store = new SelectionStore(() => NOW + 5000);
  store.value = parse(new URLSearchParams(), NOW);
  store.setHover(NOW + 3000);
  assert.equal(store.value.to, NOW + 5000);
  store.setHover(NOW + 5500);
  assert.equal(store.value.to, NOW + 5500);
  store.setHover(NOW + 30 * 864e5);
  assert.equal(store.value.to, NOW + 5500);
  store.range(NOW - H, NOW - 1000);
  store.setHover(NOW);
  assert.equal(store.value.to, NOW - 1000);
});

test('hovering draws no lines anew', () => {
  const store = new SelectionStore(() => NOW);
  let lines = 0, over = 0;
  store.on('range', () => { lines += 1; });
  store.on('over', () => { over += 1; });
  store.setHover(1); store.setHover(2); store.setHover(2);
  assert.deepEqual([lines, over], [0, 2]);
});

test('the strip keeps the range last asked for', () => {
  const s = range(live(of(''), 6 * H, NOW), NOW - 3 * H, NOW - 2 * H, NOW);
  assert.deepEqual(s.ctx, [NOW - 6 * H, NOW]);
  assert.deepEqual(range(s, NOW - 9 * H, NOW - 8 * H, NOW).ctx, [NOW - 9 * H, NOW - 8 * H]);
});
