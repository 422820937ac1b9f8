// What operators do: each asks first, and says that it is recorded.
import { Icon, html, render, useEffect, useRef, useState } from './ui.js';
import { t } from './words.js';
import { post } from './api.js';
import { live, mayAct, session } from './app.js';
import { hasQuorum } from './derive.js';

export const canAct = () => mayAct() && live.isConnected && !live.state.problem && hasQuorum(live.state.cluster);
/** A button of an action; those who may only look see it, and why it does nothing. */
export const Act = ({ text, onClick, main, small }) => html`<button type="button" class=${`btn${main ? ' main' : ''}${small ? ' small' : ''}`} disabled=${!canAct()} title=${mayAct() ? null : t('readOnly')} onClick=${onClick}>${text}</button>`;

/** Shows a modal dialog until it is closed. The focus stays inside, Esc closes. */
export function show(Content, props, cls = 'ask') {
  const d = document.createElement('dialog');
  d.className = cls;
  const close = () => d.close();
  d.addEventListener('close', () => { render(null, d); d.remove(); });
  d.addEventListener('pointerdown', e => { if (e.target === d) { const r = d.getBoundingClientRect(); if (e.clientX < r.left || e.clientX > r.right || e.clientY < r.top || e.clientY > r.bottom) close(); } });
  document.body.append(d);
  render(html`<${Content} ...${props} close=${close} />`, d);
  d.setAttribute('aria-label', props.title || '');
  d.showModal();
  return d;
}

/** A question, what it means, a field if one is asked for, and the two ways on. `run(value)` does it. */
function Ask({ title, text, field, ok, run, close }) {
  const [value, set] = useState(field?.value ?? ''), [error, fail] = useState(null), [isBusy, busy] = useState(false), first = useRef(null);
  useEffect(() => { first.current?.focus(); first.current?.select?.(); }, []);
  const submit = async e => {
    e.preventDefault();
    if (isBusy) return;
    busy(true); fail(null);
    try { await run(value); close(); } catch (x) { fail(x.words || t(`e_${x.code}`)); busy(false); }
  };
  const isNumber = field?.kind === 'number', valid = !field || (isNumber ? /^\d{1,5}$/.test(String(value)) : String(value).trim() !== ''), step = d => set(String(Math.max(field.least ?? 0, (+value || 0) + d)));
  return html`<form method="dialog" onSubmit=${submit}><h2>${title}</h2><p>${text}</p>
    ${isNumber && html`<div class="row"><span class="f2" id="askf">${field.label}</span><span class="stepper"><button type="button" aria-label=${t('less')} onClick=${() => step(-1)}><${Icon} n="minus" /></button><input ref=${first} aria-labelledby="askf" inputmode="numeric" value=${value} onInput=${e => set(e.target.value)} /><button type="button" aria-label=${t('moreOne')} onClick=${() => step(1)}><${Icon} n="plus" /></button></span>${field.was != null && html`<span class="f3">${field.was} → ${value}</span>`}</div>`}
    ${field && !isNumber && html`<label><span class="f2">${field.label}</span><span class="field row"><input ref=${first} class="mono" spellcheck=${false} value=${value} onInput=${e => set(e.target.value)} /></span></label>`}
    ${error && html`<p class="error" role="alert">${error}</p>`}
    <footer><span class="f3 grow">${t('audit', { user: session.user?.name })}</span><button type="button" class="btn" onClick=${close}>${t('cancel')}</button><button class="btn main" ref=${field ? null : first} disabled=${!valid || isBusy}>${typeof ok === 'function' ? ok(value) : ok}</button></footer></form>`;
}
export const ask = props => show(Ask, props);

export const scale = s => ask({ title: t('scaleQ', { name: s.name }), text: t('scaleNow', { n: s.desired }), field: { kind: 'number', label: t('replicas'), value: String(s.desired), was: s.desired }, ok: n => t('scaleTo', { n }), run: n => post('actions/scale', { service: s.id, version: s.version, replicas: +n }) });
export const restart = s => ask({ title: t('restartQ', { name: s.name }), text: t('restartText'), ok: t('restart'), run: () => post('actions/restart', { service: s.id, version: s.version }) });
export const update = s => ask({ title: t('updateQ', { name: s.name }), text: t('updateText'), field: { label: t('image'), value: s.image }, ok: t('update'), run: image => post('actions/update', { service: s.id, version: s.version, image: image.trim() }) });
export const rollBack = s => ask({ title: t('rollbackQ', { name: s.name }), text: t('rollbackText'), ok: t('rollback'), run: () => post('actions/rollback', { service: s.id, version: s.version }) });
export const drain = (n, tasks) => ask({ title: t('drainQ', { name: n.name }), text: t('drainText', { n: tasks }), ok: t('drain'), run: () => post('actions/availability', { node: n.id, version: n.version, availability: 'drain' }) });
export const activate = n => ask({ title: t('activateQ', { name: n.name }), text: t('activateText'), ok: t('activate'), run: () => post('actions/availability', { node: n.id, version: n.version, availability: 'active' }) });
/** @param name What it is of. @param done Is told when it has ended. */
export const unsilence = (x, name, done) => ask({ title: t('unsilenceQ'), text: t('unsilenceText', { name }), ok: t('unsilence'), run: () => post('actions/unsilence', { silence: x.id }).then(done) });
export const silence = a => ask({ title: t('silenceQ', { name: a.text }), text: t('silenceText'), field: { kind: 'number', label: t('minutes'), value: '60', least: 1 }, ok: t('silence'), run: n => post('actions/silence', { alert: a.id, minutes: +n }) });
