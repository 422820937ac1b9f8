import assert from 'node:assert/strict';
import test from 'node:test';
import { asked, event, live, missing, root, sel, settled, show, told } from './small.mjs';

const options = { skip: missing || false };
const words = () => root.textContent;

for (const [file, name, address, said, props] of [
  ['overview.js', 'Overview', '/', 'Nothing needs you'], ['map.js', 'ClusterMap', '/map', 'backend'], ['services.js', 'Services', '/services', 'web'], ['services.js', 'Service', '/services/web', 'web.1', { id: 'web' }], ['task.js', 'Task', '/tasks/web1', 'web.1', { id: 'web1' }], ['nodes.js', 'Nodes', '/nodes', 'node-1'], ['nodes.js', 'Node', '/nodes/node-1', 'Debian', { id: 'node-1' }],
  ['nodes.js', 'Containers', '/containers', 'pg'], ['task.js', 'Container', '/containers/pg', 'postgres', { id: 'c'.repeat(64) }], ['networks.js', 'Networks', '/networks', 'edge'], ['networks.js', 'Network', '/networks/backend', '10.0.0.1', { id: 'backend' }], ['logpage.js', 'Logs', '/logs', 'stderr only'], ['lists.js', 'Events', '/events', 'x1'], ['alerts.js', 'Alerts', '/alerts', 'node-2 is down'], ['lists.js', 'Paths', '/paths', 'No paths'],
]) test(`${name} is drawn`, options, async () => {
  await show(file, name, address, props);
  assert.ok(root.querySelector('h1'), address);
  assert.ok(words().includes(said), words().slice(0, 400));
});

test('the page of alerts has rules, silences and what is over, and ends a silence when asked twice', options, async () => {
  const in_ = ms => Date.now() + ms;
  told.alerts = {
    rules: [{ name: 'NodeDown', metric: 'node_down', comparison: '>', threshold: 0, seconds: 0, severity: 'critical', origin: 'shipped', isOff: false }, { name: 'Mine', metric: 'node_memory_used_ratio', comparison: '>', threshold: 0.9, seconds: 300, severity: 'warning', origin: 'own', isOff: true }],
    silences: [{ id: 's1', alert: 'a2', labels: {}, until: in_(6e5), by: 'otto', comment: 'new disks' }, { id: 's2', alert: '', labels: { node: 'n' }, until: in_(-1), by: '', comment: '' }],
    over: [{ id: 'o1', rule: 'OutOfMemory', severity: 'warning', text: 'killed', since: in_(-9e5), until: in_(-3e5) }],
  };
  await show('alerts.js', 'Alerts', '/alerts');
  await settled();
  for (const text of ['node_memory_used_ratio > 0.9', 'switched off', '1 firing', 'new disks', 'otto', 'node-1 · DiskFull', 'OutOfMemory', '10 min']) assert.ok(words().includes(text), `${text} in ${words()}`);
  const ends = root.querySelectorAll('button').filter(b => b.textContent === 'End the silence');
  assert.equal(ends.length, 1, 'one that is over has no button');
  ends[0].click();
  const dialog = document.querySelector('dialog[open]');
  assert.deepEqual(asked, []);
  assert.ok(dialog.textContent.includes('node-1 · DiskFull') && dialog.textContent.includes('mei'));
  dialog.querySelector('form').tell('submit');
  await settled();
  assert.deepEqual(asked, [['actions/unsilence', { silence: 's1' }]]);
  assert.ok(!document.querySelector('dialog[open]'));
});

test('a network has its nodes, its events and the lines of its services', options, async () => {
  await show('networks.js', 'Network', '/networks/backend', { id: 'backend' });
  assert.ok(root.querySelectorAll('a[href]').some(a => a.pathname === '/nodes/node-2'));
  assert.ok(root.querySelector('.log'));
  live.add([event(3, { id: 'n1', action: 'connect' })]);
  await show('networks.js', 'Network', '/networks/backend', { id: 'backend' });
  assert.equal(root.querySelectorAll('.events li').length, 1);
});

test('a network’s page has what was repaired of it, and what was not', options, async () => {
  live.add([event(50, { id: 'n1', action: 'repair', attributes: { count: '3', reason: 'link' } }), event(51, { id: 'n1', action: 'repair', attributes: { count: '2' } }), event(52, { id: 'n2', action: 'repair', attributes: { count: '9' } }), event(53, { id: 'n1', action: 'drift', attributes: { count: '1', error: 'no such device' } })]);
  await show('networks.js', 'Network', '/networks/backend', { id: 'backend' });
  for (const text of ['Repairs 5', '1 not put right', '3 repaired · link', 'no such device']) assert.ok(words().includes(text), `${text} in ${words().slice(0, 900)}`);
});

test('what is left out of a network’s page is said there', options, async () => {
  told.logs = { lines: [], notes: [], reachedBack: 0, partial: { read: 32, all: 70, most: 32, mostOfNode: 8 }, isCut: true };
  const before = globalThis.fetch, scopes = [];
  globalThis.fetch = (path, more) => { const u = new URL(path, 'http://manager/'); if (u.pathname.endsWith('/logs')) scopes.push(u.searchParams.get('scope')); return before(path, more); };
  live.add(Array.from({ length: 40 }, (_, i) => event(100 + i, { id: 'n1', action: 'connect' })));
  await show('networks.js', 'Network', '/networks/backend', { id: 'backend' });
  await settled();
  globalThis.fetch = before;
  delete told.logs;
  assert.deepEqual(scopes, ['network:n1']);
  for (const text of ['32 of 70 logs', 'Not all lines of this time', 'The newest 30 of ']) assert.ok(words().includes(text), `${text} in ${words().slice(-900)}`);
});

test('more events than are shown are told, and shown when asked for', options, async () => {
  live.add(Array.from({ length: 500 }, (_, i) => event(1000 + i)));
  await show('lists.js', 'Events', '/events');
  const rows = () => root.querySelectorAll('.events li').length, all = live.events.length;
  assert.equal(rows(), 400);
  assert.ok(words().includes(`The newest 400 of ${all}`), words().slice(-200));
  root.querySelectorAll('button').find(b => b.textContent === 'Show more').click();
  await settled();
  assert.equal(rows(), all);
  live.cutAt = sel.value.from + 1000;
  await show('lists.js', 'Events', '/events');
  assert.ok(words().includes('Events before'));
  live.cutAt = 0;
});

test('labels and constraints that are not told are counted', options, async () => {
  const web = live.state.services.get('web'), node = live.state.nodes.get('node-1-id');
  Object.assign(web, { labels: { team: 'store' }, moreLabels: 7, constraints: ['node.role==worker'], moreConstraints: 1200 });
  Object.assign(node, { labels: { zone: 'a' }, moreLabels: 31 });
  await show('services.js', 'Service', '/services/web', { id: 'web' });
  for (const text of ['7 more, which are not shown', '1,200 more, which are not shown']) assert.ok(words().includes(text), words());
  await show('nodes.js', 'Node', '/nodes/node-1', { id: 'node-1' });
  assert.ok(words().includes('31 more, which are not shown'), words());
  Object.assign(web, { labels: {}, moreLabels: null, constraints: [], moreConstraints: null });
  Object.assign(node, { labels: {}, moreLabels: null });
  await show('services.js', 'Service', '/services/web', { id: 'web' });
  assert.ok(!words().includes('which are not shown'));
});

test('every row of a long table of services has its line, in questions that a manager takes', options, async () => {
  const cluster = live.state.cluster, before = globalThis.fetch, sizes = [], services = live.state.services, web = services.get('web');
  live.state.services = new Map(Array.from({ length: 130 }, (_, i) => [`s${i}`, { ...web, id: `s${i}`, name: `s${i}` }]));
  cluster.hasHistory = true;
  globalThis.fetch = (path, more) => {
    const u = new URL(path, 'http://manager/');
    if (!u.pathname.endsWith('/query')) return before(path, more);
    const scopes = u.searchParams.get('scope').split(',');
    sizes.push(scopes.length);
    return Promise.resolve({ ok: true, status: 200, json: async () => ({ from: 0, step: 1, gaps: [], lines: scopes.map(x => ({ name: x.slice(8), values: [1, 2] })) }) });
  };
  await show('services.js', 'Services', '/services');
  await settled();
  const drawn = root.querySelectorAll('.spark path').length;
  globalThis.fetch = before; cluster.hasHistory = false; live.state.services = services;
  assert.equal(drawn, 130);
  assert.ok(sizes.length > 1 && sizes.every(n => n <= 64), sizes);
});

test('rows of a table have their lines beside a service that has too many containers for any chart', options, async () => {
  const cluster = live.state.cluster, before = globalThis.fetch, services = live.state.services, web = services.get('web');
  live.state.services = new Map(Array.from({ length: 20 }, (_, i) => [`s${i}`, { ...web, id: `s${i}`, name: `s${i}` }]));
  cluster.hasHistory = true;
  globalThis.fetch = (path, more) => {
    const u = new URL(path, 'http://manager/');
    if (!u.pathname.endsWith('/query')) return before(path, more);
    const scopes = u.searchParams.get('scope').split(',');
    if (scopes.length > 6 || scopes.includes('service:s7')) return Promise.resolve({ ok: false, status: 400, json: async () => ({ error: 'tooManyForChart' }) });
    return Promise.resolve({ ok: true, status: 200, json: async () => ({ from: 0, step: 1, gaps: [], lines: scopes.map(x => ({ name: x.slice(8), values: [1, 2] })) }) });
  };
  await show('services.js', 'Services', '/services');
  for (let i = 0; i < 3; i++) await settled();
  const drawn = root.querySelectorAll('.spark path').length;
  globalThis.fetch = before; cluster.hasHistory = false; live.state.services = services;
  assert.equal(drawn, 19);
});
