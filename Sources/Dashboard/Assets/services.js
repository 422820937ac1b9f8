// Services, and one service: its number, its update, its tasks, where it is reached, what it writes.
import { Empty, Glyph, Icon, NotShown, Pips, Section, html, useMemo, useRange, useState, useStore } from './ui.js';
import { age, number, t, when } from './words.js';
import { bytes, figure, plain, publishedText, shortImage, targetText, visible } from './format.js';
import { live, now, sel, to } from './app.js';
import { bySlot, isBad, isCurrent, isEnded, isStuck, isUpdating, lastReason, networkName, nodeName, reasonOf, serviceGlyph, taskGlyph, taskName, wasKilledByMemory, worstFirst } from './derive.js';
import { Charts } from './chart.js';
import { Act, restart, rollBack, scale, update } from './actions.js';
import { Follow, Kept, LogList, useLines } from './logs.js';
import { EventsOf } from './events.js';
import { ServiceTable, freshCount } from './overview.js';

export function Services() {
  useStore(live);
  const [text, set] = useState(''), all = worstFirst(live.state.services.values()), list = all.filter(x => `${x.name} ${x.image}`.toLowerCase().includes(text.toLowerCase()));
  if (!all.length) return html`<${Empty} title=${t('empty')} text=${t('emptyText')} command="apus service create --name web --replicas 3 --publish 8080:80 nginx" />`;
  return html`<div class="head"><div class="row"><h1>${t('services')}</h1><span class="f3">${number(all.length)} · ${t('worst')}</span></div></div>
    <div class="bar wrap"><label class="field grow row"><${Icon} n="search" /><input type="search" placeholder=${t('name')} aria-label=${t('name')} value=${text} onInput=${e => set(e.target.value)} /><kbd>/</kbd></label></div>
    <${ServiceTable} services=${list.slice(0, 300)} />${list.length > 300 && html`<p class="bar f3">${t('shown', { n: 300, m: list.length })}</p>`}`;
}

const SERIES = ['cpu', 'memory', 'network', 'connections', 'retransmits', 'throttled', 'faults', 'pressure', 'diskio', 'processes', 'restarts'];
const by = series => (['network'].includes(series) ? 'direction' : ['connections', 'retransmits'].includes(series) ? null : 'task');

export function Service({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, x = [...s.services.values()].find(y => y.name === id || y.id === id);
  const tasks = useMemo(() => (x ? [...s.tasks.values()].filter(y => y.service === x.id) : []), [s.revision, x?.id]);
  const [isAll, all] = useState(false);
  if (!x) return html`<${Missing} kind="service" page="services" />`;
  const current = bySlot(tasks.filter(isCurrent)), names = current.map(y => taskName(s, y)), hue = name => Math.max(0, names.indexOf(name)), charts = (isAll ? SERIES : SERIES.slice(0, 4)).map(series => ({ scope: `service:${x.id}`, series, by: by(series), hue: by(series) === 'task' ? hue : undefined, limit: series === 'memory' ? x.memoryLimit : undefined }));
  const k = serviceGlyph(x), last = k === 'bad' ? lastReason(tasks) : null;
  return html`<div class="head"><p class="crumb"><a href=${to.page('services')}>${t('services')}</a> / ${x.name}</p>
    <div class="row"><h1>${x.name}</h1><${Glyph} k=${k} /><span class=${k === 'bad' ? 'red' : ''}>${t('ofRunning', { n: x.running, m: x.desired })}</span><span class="f3 p2">${t('version', { n: x.version })}</span><span class="f3 mono p2">${x.image.replace(/@sha256:([0-9a-f]{8})[0-9a-f]*/, '@$1')}</span><span class="grow"></span>
      <span class="acts">${x.canRollBack && !isUpdating(x) && !isStuck(x) && html`<${Act} text=${t('rollback')} onClick=${() => rollBack(x)} />`}<${Act} text=${t('restart')} onClick=${() => restart(x)} /><${Act} text=${t('update')} onClick=${() => update(x)} />${x.mode === 'replicated' && html`<${Act} main text=${t('scale')} onClick=${() => scale(x)} />`}</span></div></div>
    ${last?.reason && html`<div class="banner" role="status"><${Glyph} k="bad" /><b>${taskName(s, last.task)}</b><code>${last.reason}</code></div>`}
    <${UpdateBar} x=${x} tasks=${tasks} />
    <${Section} title=${t('metrics')} id="h-m" end=${s.cluster.hasHistory && html`<button type="button" class="link" onClick=${() => all(!isAll)}>${t(isAll ? 'fewer' : 'allMetrics')}</button>`}><${Charts} items=${charts} /></${Section}>
    <div class="cols"><${Section} title=${t('tasks')} note=${current.length} id="h-t"><${TaskTable} tasks=${tasks} coloured /></${Section}><${Reach} x=${x} /></div>
    <${EventsOf} kind="service" x=${x} />
    <${ServiceLog} x=${x} hue=${(l, task) => Math.max(0, task ? names.indexOf(taskName(s, task)) : 0)} />`;
}

function UpdateBar({ x, tasks }) {
  if (!x.update || (!isUpdating(x) && !isStuck(x))) return null;
  const fresh = freshCount(x, tasks), back = /^rollback/.test(x.update.state), words = isStuck(x) ? t('updateStopped') : t(back ? 'rollingBack' : 'updating', { n: fresh, m: x.desired, k: x.update.parallelism || x.desired });
  return html`<div class="bar line"><${Pips} running=${fresh} fresh=${fresh} desired=${x.desired} busy=${x.desired} /><span class=${`grow${isStuck(x) ? ' amber' : ''}`} role="status">${words}${isStuck(x) && x.update.message ? t('colon') + x.update.message : ''}</span>${x.canRollBack && !back && html`<${Act} small text=${t('rollback')} onClick=${() => rollBack(x)} />`}</div>`;
}

const none = html`<span class="f3">—</span>`;
/** What is used; what was told long ago is grey, and says how old it is. */
export const using = (use, value, words) => (value == null ? none : now() - use.at > 60_000 ? html`<span class="f3" title=${t('nodeStale', { t: age(now() - use.at) })}>${words(value)}</span>` : words(value));

/** Tasks that are wanted, then those before with their reasons in full. */
export function TaskTable({ tasks, coloured, ofNode }) {
  const s = live.state, current = bySlot(tasks.filter(isCurrent)), before = tasks.filter(x => !isCurrent(x)).sort((a, b) => b.since - a.since), old = before.slice(0, 12);
  if (!tasks.length) return html`<p class="bar f3">${t('noTasks')}</p>`;
  const row = (x, i, isOld) => html`<tr key=${x.id} class=${isOld ? 'old' : ''}><td class="g"><${Glyph} k=${taskGlyph(x)} label=${t('s_' + x.state)} /></td><td><a class=${coloured && !isOld ? `s${1 + i % 6}` : ''} href=${to.task(x.id)}>${taskName(s, x)}</a></td>${!ofNode && html`<td>${x.node ? html`<a href=${to.node(nodeName(s, x.node))}>${nodeName(s, x.node)}</a>` : none}</td>`}<td>${t('s_' + x.state)}${x.exitCode ? ` (${x.exitCode})` : ''}</td><td class="p2 f2">${when(x.since)}</td><td class="p4 f2 mono">${shortImage(x.image)}</td><td class="num p2">${using(x.use, x.use?.cpu, figure)}</td><td class="num">${using(x.use, x.use?.memory, bytes)}</td></tr>${reasonFor(x, isOld) && html`<tr class=${`why${isOld ? ' old' : ''}`}><td></td><td class="f2" colspan=${ofNode ? 6 : 7}>${reasonFor(x, isOld)}</td></tr>`}`;
  return html`<div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t(ofNode ? 'task' : 'slot')}</th>${!ofNode && html`<th>${t('node')}</th>`}<th>${t('state')}</th><th class="p2">${t('since')}</th><th class="p4">${t('image')}</th><th class="num p2">${t('cpu')}</th><th class="num">${t('memory')}</th></tr></thead><tbody>${current.map((x, i) => row(x, i, false))}${old.map((x, i) => row(x, i, true))}</tbody></table></div>${before.length > old.length && html`<p class="bar f3">${t('before')}${t('colon')}${t('newestOf', { n: old.length, m: number(before.length) })}</p>`}`;
}
const reasonFor = (x, isOld) => (wasKilledByMemory(x) ? t('oomAt', { t: when(x.since) }) : isBad(x) ? reasonOf(x) : !isOld && !isEnded(x) && x.error ? x.error : '');

function Reach({ x }) {
  const s = live.state, labels = Object.entries(x.labels);
  return html`<${Section} title=${t('reach')} id="h-r"><dl class="facts"><dt>${t('ports')}</dt><dd>${x.ports.length ? x.ports.map(p => html`<div>${p.published ? publishedText(p) : '—'} → ${targetText(p)}/${p.transport}, ${p.mode}</div>`) : html`<span class="f3">${t('noPorts')}</span>`}</dd>
    <dt>${t('dns')}</dt><dd class="mono">${x.name}, tasks.${x.name}</dd>
    ${x.addresses.length > 0 && html`<dt>${t('vip')}</dt><dd>${x.addresses.map(a => html`<div><code>${a.address}</code> <a class="link" href=${to.network(networkName(s, a.network))}>${networkName(s, a.network)}</a>${s.networks.get(a.network)?.isEncrypted && html` <${Icon} n="lock" />`}</div>`)}</dd>`}
    ${labels.length > 0 && html`<dt>${t('labels')}</dt><dd class="mono">${labels.map(([k, v]) => html`<div>${visible(`${k}=${v}`)}</div>`)}<${NotShown} n=${x.moreLabels} /></dd>`}
    ${x.constraints.length > 0 && html`<dt>${t('constraints')}</dt><dd class="mono">${x.constraints.map(c => html`<div>${c}</div>`)}<${NotShown} n=${x.moreConstraints} /></dd>`}
    <dt>${t('mode')}</dt><dd>${x.mode}</dd>
    ${x.memoryLimit > 0 && html`<dt>${t('memory')}</dt><dd>${bytes(x.memoryLimit)} ${t('limit')}</dd>`}${x.cpuLimit > 0 && html`<dt>${t('cpu')}</dt><dd>${plain(x.cpuLimit)} ${t('cores')} ${t('limit')}</dd>`}
    <dt>${t('created')}</dt><dd>${when(x.createdAt)}</dd></dl></${Section}>`;
}

function ServiceLog({ x, hue }) {
  const box = useLines({ scope: `service:${x.id}` });
  return html`<${Section} title=${t('logs')} note=${box.lines.length ? t('nLines', { n: number(box.lines.length) }) : null} id="h-l" end=${html`<${Follow} />`}><${LogList} box=${box} hue=${hue} /><footer class="foot"><${Kept} box=${box} /></footer></${Section}>`;
}

/** What is not, or no more, there. */
export const Missing = ({ kind, page }) => html`<${Empty} title=${t('noObject', { kind: t(kind) })} text=${t('noObjectText')}><a class="link" href=${to.page(page)}>${t(page)}</a></${Empty}>`;
