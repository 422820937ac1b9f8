// Logs of everything: services as chips, the volume to brush, four charts of the scope, the list.
import { Icon, html, useEffect, useMemo, useRange, useRef, useState, useStore } from './ui.js';
import { number, t } from './words.js';
import { get } from './api.js';
import { live, route, sel, setParams } from './app.js';
import { byWeight, logScope, nodeName, taskName } from './derive.js';
import { Volume } from './plot.js';
import { Charts } from './chart.js';
import { Download, Follow, Kept, LogList, useLines } from './logs.js';

const CHIPS = 6;

export function Logs() {
  useStore(live); useStore(route);
  const s = live.state, p = route.params, services = byWeight(s.services.values());
  const { scope, chosen, picked, task, container, node } = logScope(s, p), only = task || container || node;
  const [text, setText] = useState(p.get('q') || ''), [shown, setShown] = useState(text), stderr = p.get('stderr') === '1', stated = p.get('stated') === '1';
  useEffect(() => { const timer = setTimeout(() => { setShown(text); if ((route.params.get('q') || '') !== text) setParams({ q: text }); }, 300); return () => clearTimeout(timer); }, [text]);
  const box = useLines({ scope, text: shown, stderr, stated }), ids = services.map(x => x.id);
  const toggle = name => setParams({ svc: (chosen.includes(name) ? chosen.filter(n => n !== name) : [...chosen, name]).join(','), task: '', container: '', node: '' });
  const chips = services.slice(0, CHIPS).concat(picked.filter(x => services.indexOf(x) >= CHIPS)), one = picked.length === 1 ? picked[0] : null;
  const charts = useMemo(() => ['cpu', 'memory', ...(one || task || container ? ['connections', 'retransmits'] : ['network', 'drops'])].map(series => ({ scope: only ? scope : one ? `service:${one.id}` : 'cluster', series, by: only || /conn|retr/.test(series) ? null : one ? 'task' : 'node' })), [scope]);
  const flag = (name, on, label) => html`<button type="button" class="chip" aria-pressed=${String(on)} onClick=${() => setParams({ [name]: !on })}>${label}</button>`;
  return html`<h1 class="sr">${t('logs')}</h1>
    <div class="bar wrap"><label class="field grow row"><${Icon} n="search" /><input type="search" placeholder=${t('textOrRe')} aria-label=${t('textOrRe')} value=${text} onInput=${e => setText(e.target.value)} onKeyDown=${e => e.key === 'Escape' && e.target.blur()} /><kbd>/</kbd></label>
      <div class="chips">${task ? html`<button type="button" class="chip s1 row" aria-pressed="true" onClick=${() => setParams({ task: '' })}><span>${taskName(s, task)}</span> ×</button>` : container ? html`<button type="button" class="chip s1 row" aria-pressed="true" onClick=${() => setParams({ container: '' })}><span>${container.name} · ${nodeName(s, container.node)}</span> ×</button>` : node ? html`<button type="button" class="chip s1 row" aria-pressed="true" onClick=${() => setParams({ node: '' })}><span>${node.name}</span> ×</button>` : chips.map(x => html`<button type="button" key=${x.id} class=${`chip s${1 + ids.indexOf(x.id) % 6} row`} aria-pressed=${String(!chosen.length || chosen.includes(x.name))} onClick=${() => toggle(x.name)}><svg viewBox="0 0 8 8" aria-hidden="true"><circle cx="4" cy="4" r="3" /></svg><span>${x.name}</span></button>`)}
      ${!only && services.length > CHIPS && html`<label class="field pick row"><select aria-label=${t('service')} onChange=${e => { if (e.target.value) toggle(e.target.value); e.target.value = ''; }}><option value="">${t('shown', { n: chips.length, m: services.length })}</option>${services.filter(x => !chips.includes(x)).map(x => html`<option>${x.name}</option>`)}</select></label>`}
      ${flag('stderr', stderr, t('stderrOnly'))}${flag('stated', stated, t('statedOnly'))}</div></div>
    <${VolumeBar} scope=${scope} text=${shown} stderr=${stderr} stated=${stated} box=${box} />
    ${s.cluster.hasHistory && html`<section><${Charts} items=${charts} small /></section>`}
    <section><${LogList} box=${box} hue=${(l, x) => Math.max(0, ids.indexOf(x?.service))} text=${shown} fill /><footer class="foot"><${Kept} box=${box} /><span class="end row"><${Download} scope=${scope} text=${shown} stderr=${stderr} stated=${stated} /><${Follow} /></span></footer></section>`;
}

/** Counted by the manager; in live time again every ten seconds. */
function VolumeBar({ scope, text, stderr, stated, box }) {
  const v = useRange(sel), [volume, set] = useState(null), last = useRef({ key: '', at: 0 });
  const want = `${scope} ${text} ${stderr} ${stated} ${v.live ? `live ${v.to - v.from}` : `${v.from} ${v.to}`}`;
  useEffect(() => {
    if (want === last.current.key && Date.now() - last.current.at < 10_000) return undefined;
    const abort = new AbortController(), timer = setTimeout(async () => {
      last.current = { key: want, at: Date.now() };
      try { set(await get('logs/volume', { scope, from: Math.round(v.from), to: Math.round(v.to), buckets: 120, text: /^\/.+\/$/.test(text) ? '' : text, stderr, stated }, abort.signal)); } catch { /* what was counted before stays */ }
    }, last.current.key ? 150 : 0);
    return () => clearTimeout(timer);
  }, [want, Math.floor(v.to / 10_000)]);
  const total = volume ? volume.output.reduce((n, x) => n + x, 0) + volume.error.reduce((n, x) => n + x, 0) : box.lines.length;
  const key = (k, label) => html`<span><svg class="sq" viewBox="0 0 8 8" aria-hidden="true"><path class=${k} d="M0 0h8v8H0z" /></svg><i>${label}</i></span>`;
  return html`<section aria-label=${t('volume')}><div class="bar"><h2>${t('volume')}</h2><span class="f3">${t('nLines', { n: number(total) })}</span>${volume?.isCut && html`<span class="amber">${t('cutVolume')}</span>`}<p class="keys end">${key('b1', t('stdout'))}${key('b2', t('stderr'))}${key('b3', t('stated'))}</p></div><div class="wide"><${Volume} volume=${volume} label=${t('volume')} /></div></section>`;
}
