// What pages say of the state. Pure: no words, no elements; texts are [key, values].
const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);
const BAD = new Set(['failed', 'rejected', 'orphaned']);
export const isEnded = task => ENDED.has(task.state);
export const isBad = task => BAD.has(task.state);
export const isUp = node => node.state === 'ready';
/** Wanted and not over. */
export const isCurrent = task => !isEnded(task) && task.desired !== 'shutdown' && task.desired !== 'remove';

export function tasksBy(state, field) {
  const by = new Map();
  for (const task of state.tasks.values()) { const k = task[field] || ''; if (!by.has(k)) by.set(k, []); by.get(k).push(task); }
  return by;
}
export const serviceName = (state, id) => state.services.get(id)?.name || (id || '').slice(0, 12);
export const nodeName = (state, id) => state.nodes.get(id)?.name || (id || '').slice(0, 12);
export const networkName = (state, id) => state.networks.get(id)?.name || (id || '').slice(0, 12);
/** web.2, or web.node-3 for a global service. */
export const taskName = (state, task) => `${serviceName(state, task.service)}.${task.slot ?? nodeName(state, task.node)}`;
export const placeOf = task => `${task.service} ${task.slot ?? task.node}`;

export function isUpdating(service) { return service.update && /^(updating|rollback_started)$/.test(service.update.state); }
export function isStuck(service) { return service.update && /paused$/.test(service.update.state); }

/** bad: below its number; busy: being updated; ok. */
export function serviceGlyph(service) {
  if (service.mode.endsWith('job')) return service.running < service.desired ? 'busy' : 'ok';
  if (service.running < service.desired) return isUpdating(service) ? 'busy' : 'bad';
  return isUpdating(service) ? 'busy' : isStuck(service) ? 'warn' : 'ok';
}
export function taskGlyph(task) {
  if (isBad(task)) return 'bad';
  if (task.state === 'running') return 'ok';
  return isEnded(task) ? 'off' : 'busy';
}
export function nodeGlyph(node) {
  if (!isUp(node)) return 'bad';
  return node.availability === 'active' ? 'ok' : 'off';
}
/** A container that belongs to no task: what is known of one on a node that does not answer is of then. */
export const containerGlyph = (state, c) => (c.state !== 'running' || !isUp(state.nodes.get(c.node) || {}) ? 'off' : /\(unhealthy\)/.test(c.status) ? 'warn' : 'ok');
/** Those of a node, or of all: what runs first, then by name. */
export const containersOf = (state, node) => byNames([...state.containers.values()].filter(c => !node || c.node === node)).sort((a, b) => (b.state === 'running') - (a.state === 'running'));
/** Only the manager that answers opens a shell in them, and only in its own. */
export const isEntered = (state, c) => c.state === 'running' && c.node === state.cluster?.nodeID;
/** Whose lines the page of logs shows, by its parameters: one task, container or node, some services, or everything. */
export function logScope(state, p) {
  const task = state.tasks.get(p.get('task')), container = task ? undefined : state.containers.get(p.get('container')), node = [...state.nodes.values()].find(n => n.name === p.get('node'));
  const chosen = (p.get('svc') || '').split(',').filter(Boolean), picked = byWeight(state.services.values()).filter(x => chosen.includes(x.name));
  const scope = task ? `task:${task.id}` : container ? `container:${container.id}` : node ? `node:${node.id}` : picked.length ? picked.map(x => `service:${x.id}`).join(',') : 'cluster';
  return { scope, chosen, picked, task, container, node };
}
const RANK = { bad: 0, warn: 1, busy: 2, off: 3, ok: 4 };
// One for all: `localeCompare` would look its rules up at each comparison, and there may be thousands of containers.
const collator = new Intl.Collator('en', { numeric: true });
const byName = (a, b) => collator.compare(a.name, b.name);
export const worstFirst = services => [...services].sort((a, b) => RANK[serviceGlyph(a)] - RANK[serviceGlyph(b)] || byName(a, b));
export const byNames = items => [...items].sort(byName);
/** Those that `score` gives most for, then by name; what it gives null for is left out. Of thousands only those that are shown are put in order of names. */
export function bestOf(items, score, most) {
  const found = [];
  for (const item of items) { const n = score(item); if (n != null) found.push([n, item]); }
  return found.sort(([n], [m]) => m - n).slice(0, most).sort(([n, a], [m, b]) => m - n || byName(a, b)).map(([, item]) => item);
}
/** Those with most tasks first: a colour for each, as long as there are colours. */
export const byWeight = services => [...services].sort((a, b) => b.desired - a.desired || byName(a, b));
export const bySlot = tasks => [...tasks].sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0) || String(a.node).localeCompare(String(b.node)) || b.createdAt - a.createdAt);

export function wasKilledByMemory(task) { return task.exitCode === 137 && /memory|oom/i.test(`${task.error || ''} ${task.message || ''}`); }
export const reasonOf = task => task.error || (isBad(task) ? task.message : '') || '';
/** The newest reason of a service's tasks, and how many in a row had it. */
export function lastReason(tasks) {
  const failed = tasks.filter(x => isBad(x) && reasonOf(x)).sort((a, b) => b.since - a.since);
  const waiting = tasks.filter(x => !isEnded(x) && x.error).sort((a, b) => b.since - a.since);
  const first = waiting[0] || failed[0];
  return first ? { reason: reasonOf(first), since: failed.length ? failed[failed.length - 1].since : first.since, count: failed.length, task: first } : null;
}

/** Everything that a person should look at, worst first: {k, kind, name, id, text: [key, values], reason}. */
export function attention(state, now) {
  const out = [], perService = tasksBy(state, 'service'), perNode = tasksBy(state, 'node');
  for (const node of state.nodes.values()) {
    if (!isUp(node)) out.push({ k: 'bad', kind: 'nodes', name: node.name, id: node.id, text: ['nodeDownNoTime', { n: (perNode.get(node.id) || []).filter(x => x.desired === 'running').length }], reason: node.message || '' });
    else if (node.use?.disk > 0.9) out.push({ k: 'bad', kind: 'nodes', name: node.name, id: node.id, text: ['diskFull', { p: Math.round(node.use.disk * 100) }], reason: '' });
  }
  for (const service of state.services.values()) {
    const tasks = perService.get(service.id) || [], k = serviceGlyph(service), last = lastReason(tasks);
    if (k === 'bad') out.push({ k, kind: 'services', name: service.name, id: service.id, text: ['belowNumber', { n: service.running, m: service.desired }], more: last && last.count > 1 ? ['attempts', { n: last.count, at: last.since }] : null, reason: last?.reason || '' });
    else if (isStuck(service)) out.push({ k: 'warn', kind: 'services', name: service.name, id: service.id, text: ['updatePaused', {}], reason: service.update.message || '' });
    else {
      const recent = tasks.filter(x => isBad(x) && now - x.since < 36e5).sort((a, b) => b.since - a.since)[0];
      if (recent) out.push({ k: 'warn', kind: 'tasks', name: taskName(state, recent), id: recent.id, text: [wasKilledByMemory(recent) ? 'oomAt' : 'taskReplaced', { at: recent.since }], reason: wasKilledByMemory(recent) ? '' : reasonOf(recent) });
    }
  }
  for (const net of state.networks.values()) if (net.total && net.used / net.total > 0.9) out.push({ k: 'warn', kind: 'networks', name: net.name, id: net.id, text: ['poolFull', { subnet: net.subnets[0], p: Math.round(net.used / net.total * 100), n: net.used, m: net.total }], reason: '' });
  const c = state.cluster;
  if (c && c.managers > 1 && hasQuorum(c) && (c.reachable - 1) * 2 <= c.managers && c.reachable < c.managers) out.push({ k: 'warn', kind: 'nodes', name: '', id: '', text: ['oneLoss', {}], reason: '' });
  return out.sort((a, b) => RANK[a.k] - RANK[b.k]);
}
export const hasQuorum = cluster => !cluster || cluster.managers === 0 || cluster.reachable * 2 > cluster.managers;

/** A line's value at a moment, null where there is none. */
export const valueAt = (data, line, x) => { const i = Math.round((x - data.from) / data.step); return i >= 0 && i < line.values.length ? line.values[i] : null; };

/** What was drawn of a node that does not answer stays; where it ends the hatching begins. */
export function keepKnown(old, next) {
  for (const gap of (old && next.gaps) || []) {
    const line = next.lines.find(l => l.name === gap.node), before = old.lines.find(l => l.name === gap.node);
    if (!before || (line && line.values.some(y => y != null))) continue;
    const count = line?.values.length || next.lines[0]?.values.length || 0, values = Array.from({ length: count }, (_, i) => valueAt(old, before, next.from + i * next.step)), last = values.findLastIndex(y => y != null);
    if (last < 0) continue;
    if (line) line.values = values; else next.lines.push({ name: gap.node, values });
    gap.from = Math.max(gap.from, next.from + (last + 1) * next.step);
  }
  return next;
}

/** How an event is marked: bad, warn, node, update, audit, start; '' for what is only listed. */
export function eventKind(e) {
  const a = e.action;
  if (e.type === 'audit') return 'audit';
  if (e.type === 'alert') return a === 'resolved' ? 'update' : 'bad';
  if (e.type === 'node') return /down|unreachable|disconnected/.test(`${a} ${e.attributes?.['state.new'] || ''}`) ? 'node' : e.attributes?.['state.new'] === 'ready' ? 'node' : 'audit';
  if (e.type === 'task') return BAD.has(a) ? 'bad' : a === 'running' ? 'start' : a === 'unhealthy' ? 'warn' : '';
  if (e.type === 'container') return a === 'oom' ? 'bad' : a === 'die' ? (['0', '143', undefined].includes(e.attributes?.exitCode) ? '' : 'bad') : a === 'start' ? 'start' : /unhealthy/.test(a) ? 'warn' : '';
  if (e.type === 'service') return 'update';
  if (/log-down|log-dropped|drift|path-ill|mesh-ill/.test(a)) return 'warn';
  return '';
}
export const MARKED = ['bad', 'warn', 'node', 'update', 'audit', 'start'];

/** The level that a line states itself; nothing is guessed. The same rule as StatedLevel.swift. */
const LEVELS = { error: 'error', err: 'error', fatal: 'error', crit: 'error', critical: 'error', panic: 'error', emerg: 'error', alert: 'error', warn: 'warn', warning: 'warn', info: 'info', notice: 'info', debug: 'debug', trace: 'debug' };
export function statedLevel(line) {
  const head = line.slice(0, 512);
  for (const re of [/"(?:level|severity)":\s*"?([a-z]{1,9})/gi, /(?:^|[^a-z])(?:level|lvl|severity)=\s*"?([a-z]{1,9})/gi]) for (const m of head.matchAll(re)) if (LEVELS[m[1].toLowerCase()]) return LEVELS[m[1].toLowerCase()];
  let n = 0;
  for (const m of head.slice(0, 96).matchAll(/\[([^\]]*)\]/g)) { if (n++ === 4) break; if (/^[a-z]+$/i.test(m[1]) && LEVELS[m[1].toLowerCase()]) return LEVELS[m[1].toLowerCase()]; }
  const p = /^<(\d{1,3})>/.exec(head);
  if (p && +p[1] <= 191) return { 4: 'warn', 7: 'debug' }[p[1] & 7] || ((p[1] & 7) < 4 ? 'error' : 'info');
  return '';
}

/** Where the lines of a time are to be had as a file. What a regular expression leaves out is in it: managers know plain text alone. */
export function downloadOf(v, { scope, text, stderr, stated }) {
  const query = new URLSearchParams({ scope, from: Math.round(v.from), to: Math.round(v.to) });
  if (text && !/^\/.+\/$/.test(text)) query.set('text', text);
  if (stderr) query.set('stderr', '1');
  if (stated) query.set('stated', '1');
  return `/ui/v1/logs/download?${query}`;
}
/** Text or /regex/ as a test; null for none. A regular expression that is not whole yet is taken as text. */
export function matcher(text) {
  if (!text) return null;
  try { return /^\/.+\/$/.test(text) ? new RegExp(text.slice(1, -1), 'i') : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i'); } catch { return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i'); }
}
