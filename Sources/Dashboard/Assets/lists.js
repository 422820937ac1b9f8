// Events and paths.
import { Empty, Glyph, Icon, Section, Seg, html, useRange, useState, useStore } from './ui.js';
import { age, number, t, when } from './words.js';
import { figure, plain } from './format.js';
import { live, now, route, sel, setParams } from './app.js';
import { byNames, nodeName } from './derive.js';
import { EventList, eventWords, inRange } from './events.js';

/** So many rows at first, and as many more each time. */
const STEP = 400;

export function Events() {
  useStore(live); useRange(sel); useStore(route);
  const [text, set] = useState(''), [most, more] = useState(STEP), type = route.params.get('type') || '', all = inRange(live.events, sel.value), types = [...new Set(all.map(e => e.type))].sort();
  const list = all.filter(e => (!type || e.type === type) && (!text || `${e.type} ${e.action} ${eventWords(e).join(' ')}`.toLowerCase().includes(text.toLowerCase())));
  return html`<h1 class="sr">${t('events')}</h1><div class="bar wrap"><label class="field grow row"><${Icon} n="search" /><input type="search" placeholder=${t('object')} aria-label=${t('object')} value=${text} onInput=${e => set(e.target.value)} /><kbd>/</kbd></label><${Seg} label=${t('what')} items=${[['', t('selAll')], ...types.map(x => [x, x])]} value=${type} onChange=${x => setParams({ type: x })} /><span class="f3">${number(list.length)}</span></div>
    <section><${EventList} events=${list} most=${most} all />${list.length > most && html`<p class="bar f3" role="status">${t('newestOf', { n: number(most), m: number(list.length) })} <button type="button" class="btn small" onClick=${() => more(most + STEP)}>${t('moreRows')}</button></p>`}${live.knownSince > sel.value.from && html`<p class="bar f3" role="status">${t('earlierEvents', { t: when(live.knownSince) })}</p>`}</section>`;
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
