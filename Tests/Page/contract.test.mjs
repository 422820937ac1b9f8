// What the page asks for is what managers answer: Tests/Page/contract.json has it, DashboardContractTests holds managers to it, and this
// file holds the page and the made-up cluster to it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { live, missing, root, settled, show } from './small.mjs';

const options = { skip: missing || false }, here = path => fileURLToPath(new URL(path, import.meta.url));
const contract = JSON.parse(readFileSync(here('contract.json')));
const assets = here('../../Sources/Dashboard/Assets/'), source = readdirSync(assets).filter(x => x.endsWith('.js')).map(x => readFileSync(assets + x, 'utf8')).join('\n');
const sorted = items => [...new Set(items)].sort();

test('the page reads and writes what managers know', () => {
  const found = (re, name) => sorted([...source.matchAll(re)].map(m => name(m)));
  const streams = found(/\/ui\/v1\/([a-z/]+)\?/g, m => m[1]);
  assert.deepEqual(sorted([...found(/(?<![.\w])get\('([a-z/]+)'/g, m => m[1]), ...streams]), sorted(contract.reads));
  const orders = found(/\bpost\('actions\/(\w+)', \{([^}]*)\}/g, m => `${m[1]} ${sorted([...m[2].matchAll(/(\w+):/g)].map(x => x[1])).join()}`);
  assert.equal(orders.length, [...source.matchAll(/'actions\//g)].length - 1, 'one action is written twice, each other once');
  assert.deepEqual(orders, sorted(Object.entries(contract.actions).map(([name, fields]) => `${name} ${sorted(fields).join()}`)));
});

test('each chart of the page is one that managers draw', options, async () => {
  const before = globalThis.fetch, asked = [];
  globalThis.fetch = (path, more) => {
    const u = new URL(path, 'http://manager/'), q = u.searchParams;
    if (u.pathname.endsWith('/query')) asked.push(`${q.get('scope').split(':')[0]} ${q.get('series')} ${q.get('by') || '-'}`);
    return before(path, more);
  };
  live.state.cluster.hasHistory = true;
  for (const [file, name, address, props] of [
    ['overview.js', 'Overview', '/'], ['map.js', 'ClusterMap', '/map'], ['services.js', 'Services', '/services'], ['services.js', 'Service', '/services/web', { id: 'web' }], ['task.js', 'Task', '/tasks/web1', { id: 'web1' }], ['nodes.js', 'Nodes', '/nodes'],
    ['nodes.js', 'Node', '/nodes/node-1', { id: 'node-1' }], ['task.js', 'Container', '/containers/pg', { id: 'c'.repeat(64) }], ['networks.js', 'Network', '/networks/backend', { id: 'backend' }],
  ]) {
    await show(file, name, address, props);
    root.querySelectorAll('button').find(b => b.textContent === 'All metrics')?.click();
    await settled();
  }
  globalThis.fetch = before;
  live.state.cluster.hasHistory = false;
  assert.deepEqual(sorted(asked), sorted(contract.charts));
});

test('the made-up cluster tells nothing that managers do not', () => {
  const told = JSON.parse(execFileSync('python3', [here('../../Acceptance/dashboard_sample.py'), '--fields'], { encoding: 'utf8' }));
  assert.deepEqual(sorted(told.reads), sorted(contract.reads));
  for (const kind of Object.keys(contract.fields)) assert.ok(told.fields[kind]?.length, `${kind} is not told`);
  for (const [kind, names] of Object.entries(told.fields)) for (const name of names) assert.ok(contract.fields[kind]?.includes(name), `${kind}.${name} is told by no manager`);
});
