// Networks: their addresses, and who is in them.
import { Empty, Glyph, Icon, Section, html, useRange, useStore } from './ui.js';
import { number, t, when } from './words.js';
import { live, sel, to } from './app.js';
import { byNames, isCurrent, isUp, nodeGlyph, nodeName, serviceName, taskGlyph, taskName } from './derive.js';
import { Charts } from './chart.js';
import { EventsOf, eventsOf } from './events.js';
import { serviceHue } from './overview.js';
import { Log } from './task.js';
import { Missing } from './services.js';

/** Rows of tasks. */
const MOST = 300;
const Used = ({ n }) => (n.total ? html`<span class="bars"><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class=${`used${n.used / n.total > 0.8 ? ' hot' : ''}`} width=${Math.max(1, n.used / n.total * 100)} height="8" /></svg></span><span class=${n.used / n.total > 0.8 ? 'amber' : ''}>${number(n.used)}/${number(n.total)}</span>` : html`<span class="f3">—</span>`);
const flags = n => [n.isIngress && t('ingress'), n.isEncrypted && t('encrypted'), n.isInternal && t('internal'), n.isAttachable && t('attachable')].filter(Boolean).join(', ');
export const inNetwork = (s, n) => [...s.tasks.values()].filter(x => isCurrent(x) && x.addresses.some(a => a.network === n.id));

/** What nodes have put right of a network, and could not, in the time shown: as their events tell. */
function Drift({ n }) {
  const of = action => eventsOf('network', n).reduce((sum, e) => sum + (e.type === 'network' && e.action === action ? +e.attributes.count || 1 : 0), 0), failed = of('drift');
  return html`<span class="f3">${t('repairs')} ${number(of('repair'))}</span>${failed > 0 && html`<span class="red">${t('notRepaired', { n: number(failed) })}</span>`}`;
}

export function Networks() {
  useStore(live);
  const s = live.state, list = byNames(s.networks.values()).sort((a, b) => (b.used / b.total > 0.8) - (a.used / a.total > 0.8));
  if (!list.length) return html`<${Empty} title=${t('emptyNetworks')} text=${t('emptyNetworksText')} command="apus network create --driver overlay backend" />`;
  return html`<div class="head"><div class="row"><h1>${t('networks')}</h1><span class="f3">${list.length}</span></div></div>
    <div class="scroll"><table><thead><tr><th>${t('network')}</th><th class="p2">${t('subnet')}</th><th>${t('used')}</th><th class="num">${t('tasks')}</th><th class="p2">${t('mode')}</th><th class="p3">${t('driver')}</th><th class="num p3">${t('created')}</th></tr></thead>
      <tbody>${list.map(n => html`<tr key=${n.id}><td class="nowrap"><a href=${to.network(n.name)}>${n.name}</a>${n.isEncrypted && html` <span class="f3" title=${t('encrypted')}><${Icon} n="lock" /></span>`}</td><td class="p2 mono">${n.subnets.join(', ')}</td><td><${Used} n=${n} /></td><td class="num">${inNetwork(s, n).length}</td><td class="p2 f2">${flags(n)}</td><td class="p3 f2">${n.driver}</td><td class="num p3 f2">${when(n.createdAt)}</td></tr>`)}</tbody></table></div>`;
}

export function Network({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, n = [...s.networks.values()].find(y => y.name === id || y.id === id);
  if (!n) return html`<${Missing} kind="network" page="networks" />`;
  const tasks = inNetwork(s, n).sort((a, b) => taskName(s, a).localeCompare(taskName(s, b), 'en', { numeric: true })), services = byNames([...s.services.values()].filter(x => x.addresses.some(a => a.network === n.id) || x.networks?.includes(n.id)));
  const peers = byNames([...s.nodes.values()].filter(y => tasks.some(x => x.node === y.id)));
  return html`<div class="head"><p class="crumb"><a href=${to.page('networks')}>${t('networks')}</a> / ${n.name}</p><div class="row"><h1>${n.name}</h1><${Used} n=${n} /><span class="f3 mono">${n.subnets.join(', ')}</span><span class="f3">${flags(n)}</span><${Drift} n=${n} /></div></div>
    ${s.cluster.hasHistory && html`<${Section} title=${t('metrics')} note=${t('allTheirNetworks')} id="h-m"><${Charts} items=${['network', 'drops'].map(series => ({ scope: `network:${n.id}`, series, by: 'node' }))} columns=${2} /></${Section}>`}
    <div class="cols"><${Section} title=${t('tasks')} note=${tasks.length} id="h-t">${tasks.length ? html`<div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('task')}</th><th>${t('address')}</th><th class="p2">${t('node')}</th><th class="p2">${t('state')}</th></tr></thead><tbody>${tasks.slice(0, MOST).map(x => html`<tr key=${x.id}><td class="g"><${Glyph} k=${taskGlyph(x)} /></td><td><a href=${to.task(x.id)}>${taskName(s, x)}</a></td><td class="mono">${x.addresses.filter(a => a.network === n.id).map(a => a.address).join(', ')}</td><td class="p2">${nodeName(s, x.node)}</td><td class="p2 f2">${t('s_' + x.state)}</td></tr>`)}</tbody></table></div>${tasks.length > MOST && html`<p class="bar f3">${t('shown', { n: number(MOST), m: number(tasks.length) })}</p>`}` : html`<p class="bar f3">${t('noTasks')}</p>`}</${Section}>
      <${Section} title=${t('services')} note=${services.length} id="h-s"><dl class="facts">${services.map(x => html`<dt><a class="link" href=${to.service(x.name)}>${serviceName(s, x.id)}</a></dt><dd class="mono">${x.addresses.filter(a => a.network === n.id).map(a => a.address).join(', ')}</dd>`)}</dl>${!services.length && html`<p class="bar f3">${t('noneYet')}</p>`}</${Section}></div>
    <${Section} title=${t('peers')} note=${peers.length} id="h-p">${!peers.length ? html`<p class="bar f3">${t('noneYet')}</p>` : html`<div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('node')}</th><th>${t('address')}</th><th>${t('state')}</th><th class="num">${t('tasks')}</th></tr></thead><tbody>${peers.map(y => html`<tr key=${y.id}><td class="g"><${Glyph} k=${nodeGlyph(y)} label=${t('s_' + y.state)} /></td><td><a href=${to.node(y.name)}>${y.name}</a></td><td class="mono">${y.address}</td><td class=${isUp(y) ? 'f2' : 'red'}>${t('s_' + y.state)}</td><td class="num">${tasks.filter(x => x.node === y.id).length}</td></tr>`)}</tbody></table></div>`}</${Section}>
    <${EventsOf} kind="network" x=${n} />
    ${services.length > 0 && html`<${Log} key=${n.id} scope=${`network:${n.id}`} hue=${serviceHue()} />`}`;
}
