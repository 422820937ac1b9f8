// One task's life, why it ended, and what it did until then; a container beside the swarm likewise.
import { Glyph, Icon, Section, html, useEffect, useRange, useStore } from './ui.js';
import { number, span, t, when } from './words.js';
import { bytes, shortImage } from './format.js';
import { live, now, sel, to } from './app.js';
import { containerGlyph, isBad, isEnded, isEntered, isUp as isNodeUp, networkName, nodeName, placeOf, reasonOf, serviceName, taskGlyph, taskName, wasKilledByMemory } from './derive.js';
import { Charts } from './chart.js';
import { Download, Follow, Kept, LogList, useLines } from './logs.js';
import { EventsOf } from './events.js';
import { Missing } from './services.js';
import { TerminalButton } from './terminal.js';

const SERIES = ['memory', 'cpu', 'throttled', 'faults', 'pressure', 'network', 'connections', 'retransmits', 'diskio', 'processes'];

export function Task({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, x = s.tasks.get(id) || [...s.tasks.values()].find(y => y.id.startsWith(id));
  // What has ended is looked at where it ended, unless the address says another time.
  useEffect(() => { if (x && isEnded(x) && sel.value.live) { const end = Math.min(now(), x.since + 3 * 6e4); sel.set({ ...sel.value, from: Math.max(x.createdAt - 6e4, x.since - 18e5), to: end, live: false, moment: x.since, ctx: [Math.max(x.createdAt - 6e4, x.since - 18e5), end] }); } }, [x?.id]);
  if (!x) return html`<${Missing} kind="task" page="services" />`;
  const service = serviceName(s, x.service), place = [...s.tasks.values()].filter(y => placeOf(y) === placeOf(x)).sort((a, b) => a.createdAt - b.createdAt), i = place.findIndex(y => y.id === x.id), k = taskGlyph(x), reason = wasKilledByMemory(x) ? x.error || t('oomAt', { t: when(x.since) }) : reasonOf(x) || (isEnded(x) ? '' : x.error || '');
  const charts = SERIES.map((series, n) => ({ scope: `task:${x.id}`, series, by: ['network', 'diskio', 'pressure', 'memory'].includes(series) ? 'direction' : null, wide: n === 0, limit: series === 'memory' ? x.memoryLimit : undefined }));
  const word = `${t('s_' + x.state)}${x.exitCode ? `${t('comma')}${t('exit').toLowerCase()} ${x.exitCode}` : ''}`;
  return html`<div class="head"><p class="crumb"><a href=${to.page('services')}>${t('services')}</a> / <a href=${to.service(service)}>${service}</a> / ${x.slot ?? nodeName(s, x.node)}</p>
    <div class="row"><h1>${taskName(s, x)}</h1><${Glyph} k=${k} /><span class=${k === 'bad' ? 'red' : ''}>${word}</span><span class="f3 mono p2">${x.id.slice(0, 12)}${x.container ? ` · ${x.container.slice(0, 12)}` : ''} · <a href=${to.node(nodeName(s, x.node))}>${nodeName(s, x.node)}</a></span><span class="grow"></span>${x.state === 'running' && x.container && html`<${TerminalButton} container=${x.container} name=${taskName(s, x)} />`}
      ${i > 0 && html`<a class="btn row" href=${to.task(place[i - 1].id)}><${Icon} n="left" />${t('previous')}</a>`}${i < place.length - 1 && html`<a class="btn row" href=${to.task(place[i + 1].id)}>${t('next')}<${Icon} n="right" /></a>`}</div></div>
    <${Section} title=${t('life')} note=${`${when(x.createdAt)} – ${isEnded(x) ? when(x.since) : t('s_' + x.state)}`} id="h-life"><${Life} x=${x} />${reason && html`<div class=${k === 'bad' ? 'why-box' : 'prose'}><pre>${reason}</pre></div>`}</${Section}>
    <${Section} title=${t('metrics')} id="h-m"><${Charts} items=${charts} /></${Section}>
    <${Section} title=${t('facts')} id="h-f"><dl class="facts"><dt>${t('image')}</dt><dd class="mono">${x.image}</dd><dt>${t('address')}</dt><dd>${x.addresses.length ? x.addresses.map(a => html`<div><code>${a.address}</code> <a class="link" href=${to.network(networkName(s, a.network))}>${networkName(s, a.network)}</a></div>`) : html`<span class="f3">${t('noneYet')}</span>`}</dd>${x.memoryLimit > 0 && html`<dt>${t('memory')}</dt><dd>${bytes(x.memoryLimit)} ${t('limit')}</dd>`}${x.container && html`<dt>${t('container')}</dt><dd class="mono">${x.container}</dd>`}<dt>${t('id')}</dt><dd class="mono">${x.id}</dd></dl></${Section}>
    <${EventsOf} kind="task" x=${x} />
    <${Log} scope=${`task:${x.id}`} end=${isEnded(x) && html`<li class=${`note${isBad(x) ? ' red' : ''}`}><${Glyph} k=${k} />${t('endedHere', { name: taskName(s, x), reason: word })}</li>`} />`;
}

/** The states that are known, with their times; not to scale. */
function Life({ x }) {
  const events = live.events.filter(e => e.type === 'task' && e.task === x.id).map(e => ({ state: e.action, at: e.time }));
  const steps = [{ state: 'new', at: x.createdAt }, ...events, { state: x.state, at: x.since }].filter((e, i, all) => all.findIndex(o => o.state === e.state) === i).sort((a, b) => a.at - b.at);
  return html`<ol class="steps">${steps.map((e, i) => { const next = steps[i + 1], isLast = !next, ended = isLast && isEnded(x), k = isLast ? taskGlyph(x) : 'ok'; return html`<li class=${e.state === 'running' && !isLast ? 'long' : ended ? 'last' : isLast ? 'long' : ''}><${Glyph} k=${k} /><b class=${k === 'bad' ? 'red' : ''}>${t('s_' + e.state)}</b><div class="f2">${when(e.at)}</div><div class="f3">${ended ? (x.exitCode != null ? `${t('exit')} ${x.exitCode}` : '') : span((next?.at ?? now()) - e.at)}</div></li>`; })}</ol>`;
}

/** The log of one object. */
export function Log({ scope, hue, end }) {
  const box = useLines({ scope });
  return html`<${Section} title=${t('logs')} note=${box.lines.length ? t('nLines', { n: number(box.lines.length) }) : null} id="h-l" end=${html`<${Download} scope=${scope} /><${Follow} />`}><${LogList} box=${box} hue=${hue || (() => 0)} end=${end} /><footer class="foot"><${Kept} box=${box} /></footer></${Section}>`;
}

/** A container that belongs to no task, on whichever node. */
export function Container({ id }) {
  useStore(live); useRange(sel);
  const s = live.state, x = s.containers.get(id) || [...s.containers.values()].find(y => y.name === id), task = [...s.tasks.values()].find(y => y.container === id);
  if (task) return html`<${Task} id=${task.id} />`;
  if (!x) return html`<${Missing} kind="container" page="nodes" />`;
  const node = s.nodes.get(x.node), k = containerGlyph(s, x), charts = SERIES.map((series, n) => ({ scope: `container:${x.id}`, series, by: ['network', 'diskio', 'pressure', 'memory'].includes(series) ? 'direction' : null, wide: n === 0 }));
  return html`<div class="head"><p class="crumb"><a href=${to.page('nodes')}>${t('nodes')}</a> / <a href=${to.node(nodeName(s, x.node))}>${nodeName(s, x.node)}</a> / ${x.name}</p><div class="row"><h1>${x.name}</h1><${Glyph} k=${k} /><span class=${node && !isNodeUp(node) ? 'f3' : ''}>${t('s_' + x.state)}</span><span class="f3">${x.status}</span><span class="f3 mono p2">${x.id.slice(0, 12)} · ${shortImage(x.image)} · <a href=${to.node(nodeName(s, x.node))}>${nodeName(s, x.node)}</a></span><span class="grow"></span><span class="acts"><a class="btn" href=${to.page('logs', { container: x.id })}>${t('logs')}</a>${isEntered(s, x) && html`<${TerminalButton} container=${x.id} name=${x.name} />`}</span></div></div>
    ${node && !isNodeUp(node) && html`<div class="banner" role="status"><${Glyph} k="bad" /><span>${t('containerStale', { node: node.name })}</span></div>`}
    <${Section} title=${t('metrics')} id="h-m"><${Charts} items=${charts} /></${Section}>
    <${EventsOf} kind="container" x=${x} /><${Log} scope=${`container:${x.id}`} />`;
}
