// Nodes, and one node: what it has, what it does, what may be done with it.
import { Empty, Glyph, NotShown, Section, html, useRange, useStore } from './ui.js';
import { age, number, t, when } from './words.js';
import { bytes, figure, plain, shortImage, visible } from './format.js';
import { live, now, sel, to } from './app.js';
import { byNames, containerGlyph, containersOf, isUp, nodeGlyph, nodeName, tasksBy } from './derive.js';
import { Charts } from './chart.js';
import { Act, activate, drain } from './actions.js';
import { EventsOf } from './events.js';
import { Missing, TaskTable, using } from './services.js';
import { Log } from './task.js';
import { ClusterCharts, NodeKeys, NodeTile, serviceHue } from './overview.js';

const share = v => (v == null ? html`<span class="f3">—</span>` : html`<span class=${v > 0.8 ? 'amber' : ''}>${Math.round(v * 100)} %</span>`);

export function Nodes() {
  useStore(live); useRange(sel);
  const s = live.state, nodes = byNames(s.nodes.values()).sort((a, b) => isUp(a) - isUp(b)), by = tasksBy(s, 'node');
  return html`<div class="head"><div class="row"><h1>${t('nodes')}</h1><span class="f3">${nodes.length}</span><span class="grow"></span>${s.containers.size > 0 && html`<a class="btn" href=${to.page('containers')}>${t('containers')} ${number(s.containers.size)}</a>`}</div></div>
    <div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('node')}</th><th class="p2">${t('scope')}</th><th>${t('state')}</th><th class="num">${t('tasks')}</th><th class="num p2">${t('cpu')}</th><th class="num p2">${t('memory')}</th><th class="num p2">${t('disk')}</th><th class="num p3">${t('cores')}</th><th class="p3">${t('address')}</th><th class="p4">${t('engine')}</th></tr></thead>
      <tbody>${nodes.map(n => html`<tr key=${n.id}><td class="g"><${Glyph} k=${nodeGlyph(n)} /></td><td><a href=${to.node(n.name)}>${n.name}</a></td><td class="p2 f2">${t(n.isLeader ? 'leader' : n.role)}</td><td class=${isUp(n) ? '' : 'red'}>${t(isUp(n) && n.availability !== 'active' ? 's_' + n.availability : 's_' + n.state)}</td><td class="num">${(by.get(n.id) || []).filter(x => x.state === 'running').length}</td><td class="num p2">${share(n.use?.cpu)}</td><td class="num p2">${share(n.use?.memory)}</td><td class="num p2">${share(n.use?.disk)}</td><td class="num p3 f2">${n.cpus || '—'}</td><td class="p3 mono">${n.address}</td><td class="p4 f2">${n.engine}</td></tr>${n.message && !isUp(n) && html`<tr class="why"><td></td><td class="f2" colspan="10">${n.message}</td></tr>`}`)}</tbody></table></div>
    <${Section} title=${t('cluster')} id="h-c" end=${html`<${NodeKeys} nodes=${byNames(s.nodes.values())} />`}><${ClusterCharts} nodes=${byNames(s.nodes.values())} /></${Section}>`;
}

/** Rows of one table: all of them are drawn anew whenever something changes. */
const MOST = 500;
/** Containers that belong to no task; whose node is not named by the page says where each is. */
function ContainerTable({ list, ofNode }) {
  const s = live.state;
  return html`<div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('name')}</th>${!ofNode && html`<th>${t('node')}</th>`}<th>${t('state')}</th><th class="num p2">${t('cpu')}</th><th class="num p2">${t('memory')}</th><th class="p2">${t('image')}</th><th class="num p3">${t('created')}</th></tr></thead>
    <tbody>${list.slice(0, MOST).map(c => html`<tr key=${c.id}><td class="g"><${Glyph} k=${containerGlyph(s, c)} /></td><td><a href=${to.container(c.id)}>${c.name}</a></td>${!ofNode && html`<td><a href=${to.node(nodeName(s, c.node))}>${nodeName(s, c.node)}</a></td>`}<td>${c.status || t('s_' + c.state)}</td><td class="num p2">${using(c.use, c.use?.cpu, figure)}</td><td class="num p2">${using(c.use, c.use?.memory, bytes)}</td><td class="p2 f2 mono">${shortImage(c.image)}</td><td class="num p3 f2" title=${when(c.createdAt)}>${age(now() - c.createdAt)}</td></tr>`)}</tbody></table></div>${list.length > MOST && html`<p class="bar f3">${t('shown', { n: number(MOST), m: number(list.length) })}</p>`}`;
}
const More = ({ n }) => (n.moreContainers > 0 ? html`<p class="bar f3">${t('moreContainers', { n: number(n.moreContainers), name: n.name })}</p>` : null);

/** Containers of all nodes that belong to no task. */
export function Containers() {
  useStore(live);
  const s = live.state, list = containersOf(s);
  if (!list.length) return html`<${Empty} title=${t('emptyContainers')} text=${t('emptyContainersText')} command="docker run -d --name web nginx" />`;
  return html`<div class="head"><p class="crumb"><a href=${to.page('nodes')}>${t('nodes')}</a> / ${t('containers')}</p><div class="row"><h1>${t('containers')}</h1><span class="f3">${number(list.length)}</span></div></div>
    <${ContainerTable} list=${list} />${byNames(s.nodes.values()).map(n => html`<${More} key=${n.id} n=${n} />`)}`;
}

const SERIES = ['cpu', 'memory', 'network', 'drops', 'disk', 'conntrack', 'pressure', 'processes'];

export function Node({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, n = [...s.nodes.values()].find(y => y.name === id || y.id === id);
  if (!n) return html`<${Missing} kind="node" page="nodes" />`;
  const tasks = [...s.tasks.values()].filter(x => x.node === n.id), run = tasks.filter(x => x.desired === 'running').length, containers = containersOf(s, n.id);
  const labels = Object.entries(n.labels), charts = SERIES.map(series => ({ scope: `node:${n.id}`, series, by: ['network', 'pressure'].includes(series) ? 'direction' : null, limit: series === 'memory' ? n.memory : series === 'cpu' ? n.cpus : undefined }));
  return html`<div class="head"><p class="crumb"><a href=${to.page('nodes')}>${t('nodes')}</a> / ${n.name}</p><div class="row"><h1>${n.name}</h1><${Glyph} k=${nodeGlyph(n)} /><span class=${isUp(n) ? '' : 'red'}>${t('s_' + n.state)}</span><span class="f3">${t(n.isLeader ? 'leader' : n.role)}${n.availability !== 'active' ? ` · ${t('s_' + n.availability)}` : ''}</span><span class="grow"></span><span class="acts"><a class="btn" href=${to.page('logs', { node: n.name })}>${t('logs')}</a>${n.availability === 'active' ? html`<${Act} text=${t('drain')} onClick=${() => drain(n, run)} />` : html`<${Act} main text=${t('activate')} onClick=${() => activate(n)} />`}</span></div></div>
    ${n.message && !isUp(n) && html`<div class="banner" role="status"><${Glyph} k="bad" /><span>${n.message}</span></div>`}
    <${Section} title=${t('metrics')} id="h-m"><${Charts} items=${charts} /></${Section}>
    <div class="cols"><${Section} title=${t('tasks')} note=${run} id="h-t"><${TaskTable} tasks=${tasks} ofNode /></${Section}>
      <${Section} title=${t('facts')} id="h-f"><div class="one"><${NodeTile} n=${n} /></div><dl class="facts"><dt>${t('address')}</dt><dd class="mono">${n.address}</dd><dt>${t('system')}</dt><dd>${n.system}</dd><dt>${t('cpu')}</dt><dd>${plain(n.cpus)} ${t('cores')}</dd><dt>${t('memory')}</dt><dd>${bytes(n.memory)}</dd><dt>${t('engine')}</dt><dd>${n.engine}</dd>${labels.length > 0 && html`<dt>${t('labels')}</dt><dd class="mono">${labels.map(([k, v]) => html`<div>${visible(`${k}=${v}`)}</div>`)}<${NotShown} n=${n.moreLabels} /></dd>`}<dt>${t('id')}</dt><dd class="mono">${n.id}</dd></dl></${Section}></div>
    ${containers.length > 0 && html`<${Section} title=${t('containers')} note=${number(containers.length)} id="h-c"><${ContainerTable} list=${containers} ofNode /><${More} n=${n} /></${Section}>`}
    <${EventsOf} kind="node" x=${n} />
    <${Log} scope=${`node:${n.id}`} hue=${serviceHue()} />`;
}
