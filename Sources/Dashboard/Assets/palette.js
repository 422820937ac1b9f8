// Search and commands: every object and what can be done with it, by a few letters.
import { Icon, html, useEffect, useMemo, useRef, useState } from './ui.js';
import { hms, t } from './words.js';
import { canAct, drain, restart, scale, show } from './actions.js';
import { live, now, sel, to, visit } from './app.js';
import { bestOf, byNames, nodeName, taskName } from './derive.js';
import { shortImage } from './format.js';

const PAGES = ['overview', 'map', 'services', 'nodes', 'networks', 'logs', 'events', 'paths', 'alerts'];

/** Letters in their order; fewer gaps and an earlier beginning are better. Null for none. Pure. */
export function score(text, query) {
  const a = text.toLowerCase(), q = query.toLowerCase().trim();
  if (!q) return 0;
  const at = a.indexOf(q);
  if (at >= 0) return 1000 - at * 2 - a.length / 10;
  let i = -1, gaps = 0;
  for (const c of q) { const next = a.indexOf(c, i + 1); if (next < 0) return null; gaps += next - i - 1; i = next; }
  return 300 - gaps - a.length / 10;
}

function commands(query) {
  const state = live.state, out = [], add = (group, icon, text, end, run, extra = '') => { const n = score(`${text} ${extra}`, query); if (n != null) out.push({ group, icon, text, end, run, n }); };
  const time = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(query.trim());
  if (time) { const d = new Date(now()); d.setHours(+time[1], +time[2], +(time[3] || 0), 0); let ms = d.getTime(); if (ms > now()) ms -= 864e5; out.push({ group: 'goto', icon: 'clock', text: t('moment', { t: hms(ms) }), end: '', n: 9e9, run: () => { sel.range(ms - 9e5, ms + 9e5); sel.at(ms); } }); }
  for (const s of byNames(state.services.values())) {
    add('goto', 'services', s.name, `${s.running}/${s.desired} · ${shortImage(s.image)}`, () => visit(to.service(s.name)));
    if (query) add('goto', 'logs', t('logsOf', { name: s.name }), 'l', () => visit(to.page('logs', { svc: s.name })), s.name);
    if (query && canAct()) { if (s.mode === 'replicated') add('actions', 'plus', t('scaleName', { name: s.name }), '', () => scale(s), s.name); add('actions', 'events', t('restartName', { name: s.name }), '', () => restart(s), s.name); }
  }
  for (const n of byNames(state.nodes.values())) {
    add('goto', 'nodes', n.name, t(n.isLeader ? 'leader' : n.role), () => visit(to.node(n.name)));
    if (query && canAct() && n.availability === 'active') add('actions', 'down', t('drainName', { name: n.name }), '', () => drain(n, [...state.tasks.values()].filter(x => x.node === n.id && x.desired === 'running').length), n.name);
  }
  if (query) for (const c of bestOf(state.containers.values(), x => score(`${x.name} ${x.id}`, query), 50)) add('goto', 'nodes', c.name, `${nodeName(state, c.node)} · ${t('s_' + c.state)}`, () => visit(to.container(c.id)), c.id);
  for (const n of byNames(state.networks.values())) add('goto', 'networks', n.name, n.subnets[0] || '', () => visit(to.network(n.name)));
  if (query) for (const task of state.tasks.values()) if (task.desired === 'running' || query.length > 3) add('goto', 'services', taskName(state, task), `${nodeName(state, task.node)} · ${t('s_' + task.state)}`, () => visit(to.task(task.id)), task.id);
  for (const p of PAGES) add('goto', p, t(p), `g ${p === 'networks' ? 'w' : p === 'nodes' ? 'n' : p[0]}`, () => visit(to.page(p)));
  out.sort((a, b) => b.n - a.n);
  const best = out.slice(0, 40);
  return ['goto', 'actions'].map(g => [g, best.filter(c => c.group === g).slice(0, query ? 12 : 24)]).filter(([, list]) => list.length);
}

function Palette({ close }) {
  const [query, set] = useState(''), [at, move] = useState(0), list = useRef(null), input = useRef(null);
  const groups = useMemo(() => commands(query), [query]), all = groups.flatMap(([, l]) => l), chosen = Math.min(at, all.length - 1);
  useEffect(() => input.current.focus(), []);
  useEffect(() => { list.current.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }); }, [chosen, query]);
  const run = c => { close(); c.run(); };
  const keys = e => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { move((chosen + (e.key === 'ArrowDown' ? 1 : -1) + all.length) % (all.length || 1)); e.preventDefault(); }
    else if (e.key === 'Enter' && all[chosen]) { e.preventDefault(); run(all[chosen]); }
  };
  let i = -1;
  return html`<header><${Icon} n="search" /><input ref=${input} role="combobox" aria-expanded="true" aria-controls="pal" aria-owns="pal" aria-autocomplete="list" aria-activedescendant=${all.length ? `pal${chosen}` : null} placeholder=${t('find')} aria-label=${t('find')} value=${query} onInput=${e => { set(e.target.value); move(0); }} onKeyDown=${keys} /><kbd>Esc</kbd></header>
    <ul role="listbox" id="pal" ref=${list} aria-label=${t('find')}>${groups.map(([g, items]) => html`<li role="presentation" class="hd">${t(g)}</li>${items.map(c => { i += 1; const k = i; return html`<li role="option" id=${`pal${k}`} aria-selected=${String(k === chosen)} onPointerMove=${() => at !== k && move(k)} onClick=${() => run(c)}><${Icon} n=${c.icon} /><span>${c.text}</span><span class="end">${c.end.length && c.end.length < 4 && !c.end.includes('/') ? html`<kbd>${c.end}</kbd>` : c.end}</span></li>`; })}`)}
    ${!all.length && html`<li class="f3" role="presentation">${t('nothing')}</li>`}</ul>`;
}
export const palette = () => { if (!document.querySelector('dialog[open]')) show(Palette, { title: t('find') }, 'pal'); };

function KeysHelp({ close }) {
  const rows = [['Ctrl K', t('find')], ['/', t('filterLogs')], ['L', t('live')], ['[ ]', t('k_move')], ['− +', t('k_zoom')], ['Esc', t('k_undo')], ['g o · m · s · n · w · l · e · p · a', PAGES.map(p => t(p)).join(' · ')], ['l', t('k_lines')], ['j k', t('k_rows')], ['Enter', t('k_open')]];
  return html`<h2>${t('keys')}</h2><dl class="keys2">${rows.map(([k, w]) => html`<dt><kbd>${k}</kbd></dt><dd class="f2">${w}</dd>`)}</dl><footer class="row"><span class="grow"></span><button type="button" class="btn" onClick=${close}>${t('close')}</button></footer>`;
}
export const keysHelp = () => { if (!document.querySelector('dialog[open]')) show(KeysHelp, { title: t('keys') }); };
