// Nodes, and one node: what it has, what it does, what may be done with it.
import { Glyph, Section, html, useRange, useStore } from './ui.js';
import { age, t, when } from './words.js';
import { bytes, plain, shortImage, visible } from './format.js';
import { live, now, sel, to } from './app.js';
import { byNames, isUp, nodeGlyph, tasksBy } from './derive.js';
import { Charts } from './chart.js';
import { Act, activate, drain } from './actions.js';
import { EventsOf } from './events.js';
import { Missing, TaskTable } from './services.js';
import { Log } from './task.js';
import { ClusterCharts, NodeKeys, NodeTile, serviceHue } from './overview.js';

const share = v => (v == null ? html`<span class="f3">—</span>` : html`<span class=${v > 0.8 ? 'amber' : ''}>${Math.round(v * 100)} %</span>`);

export function Nodes() {
  useStore(live); useRange(sel);
  const s = live.state, nodes = byNames(s.nodes.values()).sort((a, b) => isUp(a) - isUp(b)), by = tasksBy(s, 'node');
  return html`<div class="head"><div class="row"><h1>${t('nodes')}</h1><span class="f3">${nodes.length}</span></div></div>
    <div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('node')}</th><th class="p2">${t('scope')}</th><th>${t('state')}</th><th class="num">${t('tasks')}</th><th class="num p2">${t('cpu')}</th><th class="num p2">${t('memory')}</th><th class="num p2">${t('disk')}</th><th class="num p3">${t('cores')}</th><th class="p3">${t('address')}</th><th class="p4">${t('engine')}</th></tr></thead>
      <tbody>${nodes.map(n => html`<tr key=${n.id}><td class="g"><${Glyph} k=${nodeGlyph(n)} /></td><td><a href=${to.node(n.name)}>${n.name}</a></td><td class="p2 f2">${t(n.isLeader ? 'leader' : n.role)}</td><td class=${isUp(n) ? '' : 'red'}>${t(isUp(n) && n.availability !== 'active' ? 's_' + n.availability : 's_' + n.state)}</td><td class="num">${(by.get(n.id) || []).filter(x => x.state === 'running').length}</td><td class="num p2">${share(n.use?.cpu)}</td><td class="num p2">${share(n.use?.memory)}</td><td class="num p2">${share(n.use?.disk)}</td><td class="num p3 f2">${n.cpus || '—'}</td><td class="p3 mono">${n.address}</td><td class="p4 f2">${n.engine}</td></tr>${n.message && !isUp(n) && html`<tr class="why"><td></td><td class="f2" colspan="10">${n.message}</td></tr>`}`)}</tbody></table></div>
    <${Section} title=${t('cluster')} id="h-c" end=${html`<${NodeKeys} nodes=${byNames(s.nodes.values())} />`}><${ClusterCharts} nodes=${byNames(s.nodes.values())} /></${Section}>`;
}

const SERIES = ['cpu', 'memory', 'network', 'drops', 'disk', 'conntrack', 'pressure', 'processes'];

export function Node({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, n = [...s.nodes.values()].find(y => y.name === id || y.id === id);
  if (!n) return html`<${Missing} kind="node" page="nodes" />`;
  const tasks = [...s.tasks.values()].filter(x => x.node === n.id), run = tasks.filter(x => x.desired === 'running').length, containers = byNames([...s.containers.values()].filter(c => c.node === n.id));
  const labels = Object.entries(n.labels), charts = SERIES.map(series => ({ scope: `node:${n.id}`, series, by: ['network', 'pressure'].includes(series) ? 'direction' : null, limit: series === 'memory' ? n.memory : series === 'cpu' ? n.cpus : undefined }));
  return html`<div class="head"><p class="crumb"><a href=${to.page('nodes')}>${t('nodes')}</a> / ${n.name}</p><div class="row"><h1>${n.name}</h1><${Glyph} k=${nodeGlyph(n)} /><span class=${isUp(n) ? '' : 'red'}>${t('s_' + n.state)}</span><span class="f3">${t(n.isLeader ? 'leader' : n.role)}${n.availability !== 'active' ? ` · ${t('s_' + n.availability)}` : ''}</span><span class="grow"></span><span class="acts"><a class="btn" href=${to.page('logs', { node: n.name })}>${t('logs')}</a>${n.availability === 'active' ? html`<${Act} text=${t('drain')} onClick=${() => drain(n, run)} />` : html`<${Act} main text=${t('activate')} onClick=${() => activate(n)} />`}</span></div></div>
    ${n.message && !isUp(n) && html`<div class="banner" role="status"><${Glyph} k="bad" /><span>${n.message}</span></div>`}
    <${Section} title=${t('metrics')} id="h-m"><${Charts} items=${charts} /></${Section}>
    <div class="cols"><${Section} title=${t('tasks')} note=${run} id="h-t"><${TaskTable} tasks=${tasks} ofNode /></${Section}>
      <${Section} title=${t('facts')} id="h-f"><div class="one"><${NodeTile} n=${n} /></div><dl class="facts"><dt>${t('address')}</dt><dd class="mono">${n.address}</dd><dt>${t('system')}</dt><dd>${n.system}</dd><dt>${t('cpu')}</dt><dd>${plain(n.cpus)} ${t('cores')}</dd><dt>${t('memory')}</dt><dd>${bytes(n.memory)}</dd><dt>${t('engine')}</dt><dd>${n.engine}</dd>${labels.length > 0 && html`<dt>${t('labels')}</dt><dd class="mono">${labels.map(([k, v]) => html`<div>${visible(`${k}=${v}`)}</div>`)}</dd>`}<dt>${t('id')}</dt><dd class="mono">${n.id}</dd></dl></${Section}></div>
    ${containers.length > 0 && html`<${Section} title=${t('containers')} note=${containers.length} id="h-c"><div class="scroll"><table><thead><tr><th class="g"></th><th>${t('name')}</th><th>${t('state')}</th><th class="p2">${t('image')}</th><th class="num">${t('created')}</th></tr></thead><tbody>${containers.map(c => html`<tr key=${c.id}><td class="g"><${Glyph} k=${c.state === 'running' ? 'ok' : 'off'} /></td><td><a href=${to.container(c.id)}>${c.name}</a></td><td>${c.status || t('s_' + c.state)}</td><td class="p2 f2 mono">${shortImage(c.image)}</td><td class="num f2" title=${when(c.createdAt)}>${age(now() - c.createdAt)}</td></tr>`)}</tbody></table></div></${Section}>`}
    <${EventsOf} kind="node" x=${n} />
    <${Log} scope=${`node:${n.id}`} hue=${serviceHue()} />`;
}
