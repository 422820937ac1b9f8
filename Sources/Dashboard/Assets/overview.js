// Everything that needs somebody, then everything else, the worst first.
import { Empty, Glyph, Pips, Section, html, useMemo, useRange, useStore } from './ui.js';
import { age, number, t, when } from './words.js';
import { bytes, figure, plain, publishedText, shortImage, targetText } from './format.js';
import { live, now, sel, to } from './app.js';
import { attention, byNames, byWeight, hasQuorum, isUp, isUpdating, nodeGlyph, serviceGlyph, tasksBy, worstFirst } from './derive.js';
import { Charts, Spark, useSparks } from './chart.js';
import { EventList, inRange } from './events.js';
import { Follow, Kept, LogList, useLines } from './logs.js';
import { LineKey } from './ui.js';

const put = (key, values) => t(key, values && Object.fromEntries(Object.entries(values).map(([k, v]) => [k === 'at' ? 't' : k, k === 'at' ? when(v) : v])));
const hrefOf = a => ({ nodes: to.node, services: to.service, networks: to.network }[a.kind]?.(a.name) || (a.id ? to.task(a.id) : to.page(a.kind)));

export function Overview() {
  useStore(live); useRange(sel);
  const s = live.state, services = worstFirst(s.services.values()), list = attention(s, now());
  if (!services.length && !s.tasks.size) return html`<h1 class="sr">${t('overview')}</h1><${Figures} s=${s} list=${list} />${list.length > 0 && html`<${Attention} list=${list} />`}<${Empty} title=${t('empty')} text=${t('emptyText')} command="apus service create --name web --replicas 3 --publish 8080:80 nginx" />`;
  const nodes = byNames(s.nodes.values());
  return html`<h1 class="sr">${t('overview')}</h1>
    <section><${Figures} s=${s} list=${list} /></section>
    <${Attention} list=${list} />
    <${Section} title=${t('cluster')} id="h-cluster" end=${html`<${NodeKeys} nodes=${nodes} />`}><${ClusterCharts} nodes=${nodes} /></${Section}>
    <${Section} title=${t('nodes')} note=${nodes.length} id="h-nodes"><div class="nodes">${nodes.slice(0, 12).map(n => html`<${NodeTile} key=${n.id} n=${n} />`)}</div>${nodes.length > 12 && html`<p class="bar"><a class="link" href=${to.page('nodes')}>${t('moreNodes', { n: nodes.length - 12 })}</a></p>`}</${Section}>
    <div class="cols">
      <${Section} title=${t('services')} note=${t('worst')} id="h-services"><${ServiceTable} services=${services.slice(0, 30)} />${services.length > 30 && html`<p class="bar"><a class="link" href=${to.page('services')}>${t('shown', { n: 30, m: services.length })}</a></p>`}</${Section}>
      <${Section} title=${t('events')} id="h-events"><${EventList} events=${inRange(live.events, sel.value)} most=${14} /></${Section}>
    </div>
    <${Recent} />`;
}

/** Which line is whose, for charts that share it. */
export const NodeKeys = ({ nodes }) => (live.state.cluster.hasHistory && nodes.length <= 6 ? html`<p class="keys">${nodes.map((n, i) => html`<span><${LineKey} k=${i + 1} />${n.name}</span>`)}</p>` : null);

export function ClusterCharts({ nodes }) {
  const hue = name => Math.max(0, nodes.findIndex(n => n.name === name));
  const items = useMemo(() => ['cpu', 'memory', 'network', 'drops'].map(series => ({ scope: 'cluster', series, by: 'node', hue })), [nodes.map(n => n.name).join()]);
  return html`<${Charts} items=${items} shared=${nodes.length <= 3} />`;
}

function Figures({ s, list }) {
  const nodes = [...s.nodes.values()], up = nodes.filter(isUp).length, services = [...s.services.values()], well = services.filter(x => serviceGlyph(x) !== 'bad').length;
  const run = services.reduce((n, x) => n + x.running, 0), want = services.reduce((n, x) => n + x.desired, 0), alerts = [...s.alerts.values()].filter(a => !(a.silencedUntil > now())).length, c = s.cluster;
  const item = (label, n, of, red, end) => html`<div><dt>${label}</dt><dd class=${red ? 'red' : ''}>${number(n)}<small class="f2">${of != null ? `/${number(of)}` : ''}${end && ` ${end}`}</small></dd></div>`;
  return html`<dl class="figs">${item(t('nodes'), up, nodes.length, up < nodes.length)}${item(t('tasks'), run, want)}${item(t('services'), well, services.length)}${item(t('alerts'), alerts, null, alerts > 0, alerts > 0 && t('firing'))}${c.repairs != null && item(t('repairs'), c.repairs)}${item(t('quorum'), c.reachable, c.managers, !hasQuorum(c))}</dl>`;
}

function Attention({ list }) {
  const shown = list.slice(0, 20);
  return html`<${Section} title=${t('attention')} note=${list.length || null} id="h-attention">
    ${!list.length ? html`<p class="bar f3">${t('allWell')}</p>` : html`<ul class="att">${shown.map(a => html`<li key=${a.kind + a.id + a.text[0]} class=${a.k === 'bad' ? 'on' : ''}><${Glyph} k=${a.k} /><b>${a.name}</b>
      <div><div>${put(a.text[0], a.text[1])}${a.more && ` · ${put(a.more[0], a.more[1])}`}</div>${a.reason && html`<pre>${a.reason}</pre>`}</div>
      <div class="row">${a.kind === 'services' && html`<a class="btn small" href=${to.page('logs', { svc: a.name })}>${t('logs')}</a>`}${a.k === 'bad' ? html`<a class="btn small" href=${hrefOf(a)}>${t('open')}</a>` : html`<a class="link" href=${hrefOf(a)}>${t('open')}</a>`}</div></li>`)}</ul>`}
    ${list.length > 20 && html`<p class="bar f3">${t('shown', { n: 20, m: list.length })}</p>`}
  </${Section}>`;
}

const Meter = ({ label, value }) => html`<span>${label}</span><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="mt" width="100" height="4" y="0" rx="2" />${value != null && html`<rect class=${`mv${value > 0.8 ? ' hot' : ''}`} width=${Math.min(100, value * 100)} height="4" rx="2" />`}</svg><span class="num">${value == null ? '—' : `${Math.round(value * 100)} %`}</span>`;

export function NodeTile({ n }) {
  const s = live.state, count = [...s.tasks.values()].filter(x => x.node === n.id && x.state === 'running').length, u = n.use, old = u && now() - u.at > 45_000;
  return html`<div class=${`node${old || !isUp(n) ? ' stale' : ''}`}><div class="row"><${Glyph} k=${nodeGlyph(n)} label=${t('s_' + n.state)} /><h3><a href=${to.node(n.name)}>${n.name}</a></h3><span class="f3">${t(n.isLeader ? 'leader' : n.role)}</span><span class="end f2">${count === 1 ? t('oneTask') : t('nTasks', { n: count })}</span></div>
    ${u ? html`<div class="meters"><${Meter} label=${t('cpu')} value=${u.cpu} /><${Meter} label=${t('memory')} value=${u.memory} /><${Meter} label=${t('disk')} value=${u.disk} /></div>` : html`<p class="f2">${n.cpus ? `${plain(n.cpus)} ${t('cores')} · ${bytes(n.memory)}` : t('noUse')}</p>`}
    <p class="f3">${!isUp(n) ? html`<span class="red">${t('s_' + n.state)}</span> ${n.message || ''}` : n.availability !== 'active' ? t('s_' + n.availability) : u?.clock != null ? `${t('clock')} ${u.clock < 0 ? '−' : '+'}${figure(Math.abs(u.clock) * 1000)} ms${u.conntrack != null ? `  ${t('conntrack')} ${Math.round(u.conntrack * 100)} %` : ''}` : n.address}${old && html` <span class="age">${t('nodeStale', { t: age(now() - u.at) })}</span>`}</p></div>`;
}

export const portText = ports => ports.filter(p => p.published).map(p => `${publishedText(p)} → ${targetText(p)}${p.transport === 'tcp' ? '' : `/${p.transport}`}`).join(', ');

/** How many tasks have the present image: the update's cells. */
export function freshCount(service, tasks) { return tasks.filter(x => x.state === 'running' && x.desired === 'running' && x.image === service.image && service.update?.startedAt && x.createdAt >= service.update.startedAt).length; }

export function ServiceTable({ services }) {
  const by = tasksBy(live.state, 'service'), sparks = useSparks(services);
  return html`<div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('service')}</th><th>${t('tasks')}</th><th class="p4">${t('image')}</th><th class="p3"><span class="sr">${t('cpu')}</span></th><th class="num p2">${t('cpu')}</th><th class="num p2">${t('memory')}</th><th class="p3">${t('ports')}</th><th class="num">${t('updated')}</th></tr></thead>
    <tbody>${services.map(x => { const k = serviceGlyph(x), tasks = by.get(x.id) || []; return html`<tr key=${x.id}><td class="g"><${Glyph} k=${k} /></td><td><a href=${to.service(x.name)}>${x.name}</a></td><td><span class=${k === 'bad' ? 'red' : ''}>${x.running}/${x.desired}</span><${Pips} running=${x.running} desired=${x.desired} fresh=${isUpdating(x) ? freshCount(x, tasks) : 0} busy=${isUpdating(x) ? x.desired : 0} /></td><td class="p4 f2 mono">${shortImage(x.image)}</td><td class="p3 sp"><${Spark} path=${sparks.get(x.name)} /></td><td class="num p2">${x.use?.cpu != null ? figure(x.use.cpu) : html`<span class="f3">—</span>`}</td><td class="num p2">${x.use?.memory != null ? bytes(x.use.memory) : html`<span class="f3">—</span>`}</td><td class="p3 f2">${portText(x.ports)}</td><td class="num f2">${age(now() - x.updatedAt)}</td></tr>`; })}</tbody></table></div>`;
}

/** A colour for each service, always the same one. */
export function serviceHue() { const names = byWeight(live.state.services.values()).map(x => x.id); return (l, task) => Math.max(0, names.indexOf(task?.service)) % 6; }

function Recent() {
  const box = useLines({ scope: 'cluster' });
  return html`<${Section} title=${t('logs')} id="h-logs" end=${html`<${Follow} />`}><${LogList} key=${sel.value.live} box=${box} hue=${serviceHue()} rows=${sel.value.live ? 16 : 0} />${!sel.value.live && html`<footer class="foot"><${Kept} box=${box} /></footer>`}</${Section}>`;
}
