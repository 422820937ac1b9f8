import assert from 'node:assert/strict';
import test from 'node:test';
import { load, missing, press, root, settled, visitAt } from './stage.mjs';

const options = { skip: missing || false };
const [{ keys, linesOf, nextRow, wayOf }, { live, session, sel }, { html, render }, { apply }] = missing ? [{}, {}, {}, {}] : await Promise.all(['keys.js', 'app.js', 'ui.js', 'live.js'].map(load));
const at = Date.now() - 60_000;
const task = (name, slot, node) => ({ id: `${name}${slot}`, service: name, slot, node, state: 'running', desired: 'running', image: 'nginx', since: at, createdAt: at, addresses: [{ network: 'n1', address: `10.0.0.${slot}` }], error: '', labels: {} });
const service = name => ({ id: name, name, image: 'nginx', mode: 'replicated', running: 2, desired: 2, version: 3, ports: [], addresses: [{ network: 'n1', address: '10.0.0.9' }], labels: {}, constraints: [], createdAt: at, updatedAt: at });
const node = name => ({ id: `${name}-id`, name, role: 'manager', state: 'ready', availability: 'active', isLeader: name === 'node-1', address: '192.0.2.1', cpus: 4, memory: 2 ** 33, engine: '1', system: 'Debian', labels: {}, version: 1 });
const event = (n, more) => ({ time: at + n, type: 'network', action: 'create', id: `x${n}`, name: `x${n}`, attributes: {}, ...more });

const show = async (file, name, address, props) => {
  visitAt(address);
  render(null, root);
  render(html`<${(await load(file))[name]} ...${props || {}} />`, root);
  await settled();
  document.activeElement.blur();
};
const focused = () => document.activeElement.querySelector('a[href]')?.textContent || document.activeElement.localName;

if (!missing) {
  addEventListener('keydown', keys);
  globalThis.fetch = () => new Promise(() => {});
  session.user = { name: 'mei', role: 'operator' };
  apply(live.state, { whole: true, epoch: 'e', revision: 1, problem: null, gone: {}, set: {
    cluster: [{ name: 'c', node: 'node-1', nodeID: 'node-1-id', managers: 1, reachable: 1, hasHistory: false, version: '1' }], nodes: [node('node-1'), node('node-2')], services: ['api', 'db', 'web'].map(service), tasks: [task('web', 1, 'node-1-id'), task('web', 2, 'node-2-id')],
    networks: [{ id: 'n1', name: 'backend', subnets: ['10.0.0.0/24'], used: 4, total: 254, driver: 'overlay', createdAt: at, labels: {} }, { id: 'n2', name: 'edge', subnets: ['10.1.0.0/24'], used: 1, total: 254, driver: 'overlay', createdAt: at, labels: {} }], containers: [{ id: 'c'.repeat(64), name: 'pg', image: 'postgres', node: 'node-1-id', state: 'running', status: 'Up', createdAt: at }],
    alerts: [{ id: 'a1', rule: 'NodeDown', severity: 'critical', kind: 'node', subject: 'node-2-id', text: 'node-2 is down', since: at }, { id: 'a2', rule: 'DiskFull', severity: 'warning', kind: 'node', subject: 'node-1-id', text: 'node-1 is full', since: at }], paths: [],
  } });
  live.isConnected = true;
  live.events = [event(1), event(2, { type: 'service', action: 'update', id: 'web', service: 'web', name: 'web' })];
  sel.live(9e5);
}

test('rows are gone through from where one is, else from what is in sight', options, () => {
  assert.deepEqual([nextRow([0, 10, 20], 1, 1, [0, 100]), nextRow([0, 10, 20], 2, 1, [0, 100]), nextRow([0, 10, 20], 0, -1, [0, 100])], [2, -1, -1]);
  assert.deepEqual([nextRow([-50, 10, 20, 300], -1, 1, [0, 100]), nextRow([-50, 10, 20, 300], -1, -1, [0, 100]), nextRow([], -1, 1, [0, 100])], [1, 2, -1]);
});

test('an object has the lines of its own', options, () => {
  assert.deepEqual([['services', 'web'], ['tasks', 't1'], ['containers', 'c1'], ['nodes', 'node-1'], ['services'], ['networks', 'x'], []].map(linesOf), [{ svc: 'web' }, { task: 't1' }, { container: 'c1' }, { node: 'node-1' }, {}, {}, {}]);
});

for (const [file, name, address, first, second, props] of [
  ['services.js', 'Services', '/services', 'api', 'db'], ['nodes.js', 'Nodes', '/nodes', 'node-1', 'node-2'], ['networks.js', 'Networks', '/networks', 'backend', 'edge'], ['nodes.js', 'Containers', '/containers', 'pg', 'pg'],
  ['lists.js', 'Events', '/events', 'web', 'li'], ['lists.js', 'Alerts', '/alerts', 'Open', 'Open'], ['services.js', 'Service', '/services/web', 'web.1', 'web.2', { id: 'web' }], ['networks.js', 'Network', '/networks/backend', 'web.1', 'web.2', { id: 'backend' }],
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
