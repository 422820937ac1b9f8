// Events, alerts and paths.
import { Empty, Glyph, Icon, Section, Seg, html, useRange, useState, useStore } from './ui.js';
import { age, number, t, when } from './words.js';
import { figure, plain } from './format.js';
import { live, now, route, sel, setParams, to } from './app.js';
import { byNames, networkName, nodeName, serviceName, taskName } from './derive.js';
import { EventList, eventWords, inRange } from './events.js';
import { Act, silence } from './actions.js';

export function Events() {
  useStore(live); useRange(sel); useStore(route);
  const [text, set] = useState(''), type = route.params.get('type') || '', all = inRange(live.events, sel.value), types = [...new Set(all.map(e => e.type))].sort();
  const list = all.filter(e => (!type || e.type === type) && (!text || `${e.type} ${e.action} ${eventWords(e).join(' ')}`.toLowerCase().includes(text.toLowerCase())));
  return html`<h1 class="sr">${t('events')}</h1><div class="bar wrap"><label class="field grow row"><${Icon} n="search" /><input type="search" placeholder=${t('object')} aria-label=${t('object')} value=${text} onInput=${e => set(e.target.value)} /><kbd>/</kbd></label><${Seg} label=${t('what')} items=${[['', t('selAll')], ...types.map(x => [x, x])]} value=${type} onChange=${x => setParams({ type: x })} /><span class="f3">${number(list.length)}</span></div>
    <section><${EventList} events=${list} most=${400} all /></section>`;
}

const hrefOf = a => { const s = live.state; return { service: () => to.service(serviceName(s, a.subject)), node: () => to.node(nodeName(s, a.subject)), network: () => to.network(networkName(s, a.subject)), task: () => to.task(a.subject) }[a.kind]?.() || to.page('overview'); };
const nameOf = a => { const s = live.state, task = s.tasks.get(a.subject); return { service: serviceName, node: nodeName, network: networkName }[a.kind]?.(s, a.subject) || (task ? taskName(s, task) : a.subject); };

export function Alerts() {
  useStore(live);
  const all = [...live.state.alerts.values()].sort((a, b) => (a.severity === 'critical' ? 0 : 1) - (b.severity === 'critical' ? 0 : 1) || b.since - a.since), quiet = all.filter(a => a.silencedUntil > now()), firing = all.filter(a => !quiet.includes(a));
  if (!all.length) return html`<${Empty} title=${t('emptyAlerts')} text=${t('emptyAlertsText')} />`;
  const row = (a, isQuiet) => html`<li key=${a.id} class=${!isQuiet && a.severity === 'critical' ? 'on' : ''}><${Glyph} k=${isQuiet ? 'off' : a.severity === 'critical' ? 'bad' : 'warn'} /><b>${nameOf(a)}</b><div><div>${a.text}</div><div class="f3">${a.rule} · ${t('since').toLowerCase()} ${when(a.since)} · ${t('lasting', { t: age(now() - a.since) })}</div></div><div class="row">${!isQuiet && html`<${Act} small text=${t('silence')} onClick=${() => silence(a)} />`}<a class="btn small" href=${hrefOf(a)}>${t('open')}</a></div></li>`;
  return html`<div class="head"><div class="row"><h1>${t('alerts')}</h1><span class=${firing.length ? 'red' : 'f3'}>${firing.length} ${t('firing')}</span></div></div><ul class="att">${firing.map(a => row(a, false))}${quiet.map(a => row(a, true))}</ul>`;
}

/** Round trip, loss and MTU from row to column. */
export function Paths() {
  useStore(live); useStore(route);
  const s = live.state, ends = new Set([...s.paths.values()].flatMap(p => [p.from, p.to])), nodes = byNames([...s.nodes.values()].filter(n => ends.has(n.id))), kinds = [...new Set([...s.paths.values()].map(p => p.kind))].sort(), kind = kinds.includes(route.params.get('kind')) ? route.params.get('kind') : kinds.includes('vxlan') ? 'vxlan' : kinds[0];
  if (!kinds.length) return html`<${Empty} title=${t('emptyPaths')} text=${t('emptyPathsText')} command="apus network doctor" />`;
  const list = [...s.paths.values()].filter(p => p.kind === kind), of = new Map(list.map(p => [`${p.from} ${p.to}`, p])), worst = [...list].sort((a, b) => b.loss - a.loss || (b.roundTrip ?? 9) - (a.roundTrip ?? 9))[0];
  const asked = (route.params.get('path') || '').split(' '), chosen = of.get(asked.join(' ')) || worst, last = Math.max(...list.map(p => p.at)), isDense = nodes.length > 8, isBad = p => p.roundTrip == null || p.loss >= 0.05, isWarn = p => !isBad(p) && (p.loss > 0 || p.advice);
  const cell = (a, b) => {
    const p = of.get(`${a.id} ${b.id}`);
    if (a.id === b.id || !p) return html`<td class="none"></td>`;
    const pick = () => setParams({ path: `${a.id} ${b.id}` }), k = isBad(p) ? 'red' : isWarn(p) ? 'amber' : '';
    return html`<td tabindex="0" aria-current=${p === chosen ? 'true' : null} title=${`${a.name} → ${b.name}`} onClick=${pick} onKeyDown=${e => e.key === 'Enter' && pick()}>${isDense ? html`<${Glyph} k=${isBad(p) ? 'bad' : isWarn(p) ? 'warn' : 'ok'} />` : html`<div class="row"><b class=${k}>${p.roundTrip == null ? t('noAnswer') : `${figure(p.roundTrip * 1000)} ms`}</b>${k && html`<${Glyph} k=${isBad(p) ? 'bad' : 'warn'} />`}</div><div class=${k || 'f3'}>${p.loss > 0 ? `${plain(p.loss * 100)} % ${t('loss')} · ` : ''}${p.mtu ? `MTU ${p.mtu}` : ''}</div>`}</td>`;
  };
  return html`<div class="bar"><h1 class="sr">${t('paths')}</h1><${Seg} label=${t('paths')} items=${kinds.map(k => [k, t('p_' + k)])} value=${kind} onChange=${k => setParams({ kind: k })} /><span class="f3">${t('lastProbe', { t: age(now() - last) })}</span></div>
    <section><div class="scroll"><table class=${`matrix${isDense ? ' dense' : ''}`}><thead><tr><th>${t('fromTo')}</th>${nodes.map(n => html`<th>${n.name}</th>`)}</tr></thead><tbody>${nodes.map(a => html`<tr key=${a.id}><th scope="row">${a.name}</th>${nodes.map(b => cell(a, b))}</tr>`)}</tbody></table></div></section>
    ${chosen && html`<${Section} title=${`${nodeName(s, chosen.from)} → ${nodeName(s, chosen.to)}`} note=${t('p_' + kind)} id="h-p"><div class="prose"><p>${chosen.roundTrip == null ? t('noAnswer') : `${t('roundTrip')} ${figure(chosen.roundTrip * 1000)} ms`} · ${t('loss')} ${plain(chosen.loss * 100)} %${chosen.mtu ? ` · MTU ${chosen.mtu}` : ''} · ${t('lastProbe', { t: age(now() - chosen.at) })}</p></div></${Section}>
    ${(chosen.advice || isBad(chosen)) && html`<${Section} title=${t('todo')} id="h-d"><div class="prose">${chosen.advice && html`<p>${chosen.advice}</p>`}<p class="f2">${t('runDoctor')}</p><pre>apus network doctor ${nodeName(s, chosen.from)} ${nodeName(s, chosen.to)}</pre></div></${Section}>`}`}`;
}
