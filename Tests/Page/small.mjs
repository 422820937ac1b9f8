// A small cluster on the stage, for pages to be drawn of.
import { load, missing, root, settled, visitAt } from './stage.mjs';
export { load, missing, press, root, settled } from './stage.mjs';

const [{ live, session, sel }, { html, render }, { apply }] = missing ? [{}, {}, {}] : await Promise.all(['app.js', 'ui.js', 'live.js'].map(load));
export { live, sel };
/** What the manager answers, by the path below `/ui/v1/`; nothing at all where there is none. */
export const told = {}, asked = [];
const answers = (path, options) => {
  if (options?.method) asked.push([path, options.body && JSON.parse(options.body)]);
  return options?.method ? Promise.resolve({ ok: true, status: 204 }) : told[path] ? Promise.resolve({ ok: true, status: 200, json: async () => told[path] }) : new Promise(() => {});
};
const at = Date.now() - 60_000;
const task = (name, slot, node) => ({ id: `${name}${slot}`, service: name, slot, node, state: 'running', desired: 'running', image: 'nginx', since: at, createdAt: at, addresses: [{ network: 'n1', address: `10.0.0.${slot}` }], error: '', labels: {} });
const service = name => ({ id: name, name, image: 'nginx', mode: 'replicated', running: 2, desired: 2, version: 3, ports: [], addresses: [{ network: 'n1', address: '10.0.0.9' }], labels: {}, constraints: [], createdAt: at, updatedAt: at });
const node = name => ({ id: `${name}-id`, name, role: 'manager', state: 'ready', availability: 'active', isLeader: name === 'node-1', address: '192.0.2.1', cpus: 4, memory: 2 ** 33, engine: '1', system: 'Debian', labels: {}, version: 1 });
export const event = (n, more) => ({ time: at + n, type: 'network', action: 'create', id: `x${n}`, name: `x${n}`, attributes: {}, ...more });

/** Draws a page and waits for it. */
export const show = async (file, name, address, props) => {
  visitAt(address);
  render(null, root);
  render(html`<${(await load(file))[name]} ...${props || {}} />`, root);
  await settled();
  document.activeElement.blur();
};
/** What the row with the focus is of. */
export const focused = () => document.activeElement.querySelector('a[href]')?.textContent || document.activeElement.localName;

if (!missing) {
  globalThis.fetch = (path, options) => answers(new URL(path, 'http://manager/').pathname.slice(7), options);
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
