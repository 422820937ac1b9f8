// Alerts: what fires, what is silenced and until when, what is over, and the rules.
import { Glyph, Section, html, useEffect, useState, useStore } from './ui.js';
import { age, number, span, t, when } from './words.js';
import { get } from './api.js';
import { live, now, to } from './app.js';
import { networkName, nodeName, serviceName, taskName } from './derive.js';
import { Act, silence, unsilence } from './actions.js';

const hrefOf = a => { const s = live.state; return { service: () => to.service(serviceName(s, a.subject)), node: () => to.node(nodeName(s, a.subject)), network: () => to.network(networkName(s, a.subject)), task: () => to.task(a.subject) }[a.kind]?.() || to.page('overview'); };
const nameOf = a => { const s = live.state, task = s.tasks.get(a.subject); return { service: serviceName, node: nodeName, network: networkName }[a.kind]?.(s, a.subject) || (task ? taskName(s, task) : a.subject); };
const glyphOf = severity => (severity === 'critical' ? 'bad' : 'warn');
const MINUTE = 6e4;

/** Rules, silences and what is over; asked for again when other alerts fire or are silenced, and each minute. */
function useBook(signature) {
  const [book, set] = useState(null), [error, fail] = useState(null), [turn, again] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    get('alerts', null, abort.signal).then(b => { set(b); fail(null); }, e => { if (e.name !== 'AbortError') fail(e); });
    const timer = setTimeout(() => again(n => n + 1), MINUTE);
    return () => { abort.abort(); clearTimeout(timer); };
  }, [signature, turn]);
  return { book, error, again: () => again(n => n + 1) };
}

export function Alerts() {
  useStore(live);
  const all = [...live.state.alerts.values()].sort((a, b) => (a.severity === 'critical' ? 0 : 1) - (b.severity === 'critical' ? 0 : 1) || b.since - a.since), quiet = all.filter(a => a.silencedUntil > now()), firing = all.filter(a => !quiet.includes(a));
  const { book, error, again } = useBook(all.map(a => `${a.id} ${a.silencedUntil || ''}`).join());
  const row = (a, isQuiet) => html`<li key=${a.id} class=${!isQuiet && a.severity === 'critical' ? 'on' : ''}><${Glyph} k=${isQuiet ? 'off' : glyphOf(a.severity)} label=${t(isQuiet ? 'silenced' : a.severity)} /><b>${nameOf(a)}</b><div><div>${a.text}</div><div class="f3">${a.rule} · ${isQuiet ? t('silencedUntil', { t: when(a.silencedUntil) }) : `${t('since').toLowerCase()} ${when(a.since)} · ${t('lasting', { t: age(now() - a.since) })}`}</div></div><div class="row">${!isQuiet && html`<${Act} small text=${t('silence')} onClick=${() => silence(a)} />`}<a class="btn small" href=${hrefOf(a)}>${t('open')}</a></div></li>`;
  return html`<div class="head"><div class="row"><h1>${t('alerts')}</h1><span class=${firing.length ? 'red' : 'f3'}>${firing.length} ${t('firing')}</span></div></div>
    <section>${all.length ? html`<ul class="att">${firing.map(a => row(a, false))}${quiet.map(a => row(a, true))}</ul>` : html`<div class="prose"><p>${t('emptyAlerts')}</p><p class="f3">${t('emptyAlertsText')}</p></div>`}</section>
    ${error && html`<p class="bar f3" role="status">${t(`e_${error.code}`)}</p>`}
    ${book && html`<${Silences} list=${book.silences} done=${again} /><${Over} list=${book.over} /><${Rules} list=${book.rules} alerts=${all} />`}`;
}

/** What a silence is of, in words. */
const coverOf = x => { const a = live.state.alerts.get(x.alert), labels = Object.entries(x.labels).map(([k, v]) => `${k}=${v}`).join(', '); return [a ? `${nameOf(a)} · ${a.rule}` : x.alert, labels].filter(Boolean).join(', '); };

function Silences({ list, done }) {
  const left = list.filter(x => x.until > now());
  return html`<${Section} title=${t('silences')} note=${number(left.length)} id="h-s">${!left.length ? html`<p class="bar f3">${t('noneYet')}</p>` : html`<div class="scroll"><table><thead><tr><th>${t('covers')}</th><th>${t('until')}</th><th class="p2">${t('by')}</th><th class="p2">${t('comment')}</th><th><span class="sr">${t('actions')}</span></th></tr></thead>
    <tbody>${left.map(x => html`<tr key=${x.id}><td>${coverOf(x)}</td><td class="nowrap">${when(x.until)}</td><td class="p2 f2">${x.by}</td><td class="p2 f2">${x.comment}</td><td class="num"><${Act} small text=${t('unsilence')} onClick=${() => unsilence(x, coverOf(x), done)} /></td></tr>`)}</tbody></table></div>`}</${Section}>`;
}

function Over({ list }) {
  return html`<${Section} title=${t('over')} note=${number(list.length)} id="h-o">${!list.length ? html`<p class="bar f3">${t('noneYet')}</p>` : html`<div class="scroll"><table><thead><tr><th>${t('rule')}</th><th>${t('what')}</th><th class="num">${t('ended')}</th><th class="num p2">${t('lasted')}</th></tr></thead>
    <tbody>${list.map(x => html`<tr key=${`${x.id} ${x.until}`}><td>${x.rule}</td><td class="f2">${x.text}</td><td class="num nowrap">${when(x.until)}</td><td class="num p2 f2">${span(x.until - x.since)}</td></tr>`)}</tbody></table></div>`}</${Section}>`;
}

function Rules({ list, alerts }) {
  const stateOf = r => { const of = alerts.filter(a => a.rule === r.name), loud = of.filter(a => !(a.silencedUntil > now())).length; return r.isOff ? ['off', t('ruleOff')] : loud ? [glyphOf(r.severity), t('nFiring', { n: loud })] : of.length ? ['off', t('silenced')] : ['ok', t('ruleQuiet')]; };
  return html`<${Section} title=${t('rules')} note=${number(list.filter(r => !r.isOff).length)} id="h-r"><div class="scroll"><table><thead><tr><th class="g"><span class="sr">${t('state')}</span></th><th>${t('rule')}</th><th>${t('state')}</th><th class="p2">${t('condition')}</th><th class="num p2">${t('held')}</th><th class="p2">${t('severity')}</th><th class="p3">${t('origin')}</th></tr></thead>
    <tbody>${list.map(r => { const [k, words] = stateOf(r); return html`<tr key=${r.name} class=${r.isOff ? 'old' : ''}><td class="g"><${Glyph} k=${k} label=${words} /></td><td>${r.name}</td><td class=${k === 'bad' ? 'red' : 'f2'}>${words}</td><td class="p2 mono">${`${r.metric} ${r.comparison} ${r.threshold}`}</td><td class="num p2 f2">${r.seconds ? span(r.seconds * 1000) : '—'}</td><td class="p2 f2">${t(r.severity)}</td><td class="p3 f2">${t('o_' + r.origin)}</td></tr>`; })}</tbody></table></div></${Section}>`;
}
