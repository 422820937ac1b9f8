import assert from 'node:assert/strict';
import test from 'node:test';
import { focused, load, missing, press, root, sel, show } from './small.mjs';

const options = { skip: missing || false };
const { keys, linesOf, nextRow, wayOf } = missing ? {} : await load('keys.js');
if (!missing) addEventListener('keydown', keys);

test('rows are gone through from where one is, else from what is in sight', options, () => {
  assert.deepEqual([nextRow([0, 10, 20], 1, 1, [0, 100]), nextRow([0, 10, 20], 2, 1, [0, 100]), nextRow([0, 10, 20], 0, -1, [0, 100])], [2, -1, -1]);
  assert.deepEqual([nextRow([-50, 10, 20, 300], -1, 1, [0, 100]), nextRow([-50, 10, 20, 300], -1, -1, [0, 100]), nextRow([], -1, 1, [0, 100])], [1, 2, -1]);
});

test('an object has the lines of its own', options, () => {
  assert.deepEqual([['services', 'web'], ['tasks', 't1'], ['containers', 'c1'], ['nodes', 'node-1'], ['services'], ['networks', 'x'], []].map(linesOf), [{ svc: 'web' }, { task: 't1' }, { container: 'c1' }, { node: 'node-1' }, {}, {}, {}]);
});

for (const [file, name, address, first, second, props] of [
  ['services.js', 'Services', '/services', 'api', 'db'], ['nodes.js', 'Nodes', '/nodes', 'node-1', 'node-2'], ['networks.js', 'Networks', '/networks', 'backend', 'edge'], ['nodes.js', 'Containers', '/containers', 'pg', 'pg'],
  ['lists.js', 'Events', '/events', 'web', 'li'], ['alerts.js', 'Alerts', '/alerts', 'Open', 'Open'], ['services.js', 'Service', '/services/web', 'web.1', 'web.2', { id: 'web' }], ['networks.js', 'Network', '/networks/backend', 'web.1', 'web.2', { id: 'backend' }],
]) test(`j, k and Enter on ${address}`, options, async () => {
  await show(file, name, address, props);
  press('j');
  assert.equal(focused(), first);
  const here = document.activeElement;
  press('j');
  assert.equal(focused(), second);
  press('k');
  assert.equal(document.activeElement, here);
  let clicked = null;
  wayOf(here).addEventListener('click', e => { clicked = e.target; });
  press('Enter');
  assert.equal(clicked, wayOf(here));
});

test('l opens the lines of the row, or of the page', options, async () => {
  await show('services.js', 'Services', '/services');
  press('j'); press('l');
  assert.match(location.href, /\/logs\?.*svc=api/);
  await show('nodes.js', 'Node', '/nodes/node-2', { id: 'node-2' });
  press('l');
  assert.match(location.href, /\/logs\?.*node=node-2/);
});

test('keys of a field and of a dialog are theirs', options, async () => {
  await show('services.js', 'Services', '/services');
  const field = root.querySelector('input');
  press('/');
  assert.equal(document.activeElement, field);
  press('j');
  assert.equal(document.activeElement, field);
  field.blur();
  press('?');
  assert.ok(document.querySelector('dialog[open] .keys2'));
  press('j');
  assert.equal(document.activeElement, document.body);
  document.querySelector('dialog').close();
});

test('[ ] and - + move and widen the time', options, () => {
  const span = () => sel.value.to - sel.value.from;
  sel.live(9e5); press('-');
  assert.equal(span(), 18e5);
  press('+'); press('[');
  assert.ok(!sel.value.live && span() === 9e5);
  const from = sel.value.from;
  press(']');
  assert.ok(sel.value.from > from);
  press('L');
  assert.ok(sel.value.live);
});
