// Events as words and as lists.
import { Glyph, Section, html } from './ui.js';
import { has, hms, number, t, when } from './words.js';
import { live, sel, to } from './app.js';
import { eventKind, nodeName, serviceName, taskName } from './derive.js';

/** Whose event it is, and what happened, in words. */
export function eventWords(e) {
  const s = live.state, a = e.attributes || {}, key = `ev_${e.action.split(':').pop().trim()}`;
  const task = e.task && s.tasks.get(e.task);
  const who = task ? taskName(s, task) : e.type === 'service' ? e.name || serviceName(s, e.id) : e.type === 'node' ? e.name || nodeName(s, e.id) : e.type === 'audit' ? s.services.get(e.id)?.name || s.nodes.get(e.id)?.name || e.name || e.id || a.address || '' : (e.name || e.id).replace(/^([^.]+\.[^.]+)\.[a-z0-9]{25}$/, '$1').slice(0, 40);
  if (e.type === 'audit') return [who, `${(a.summary || e.action).replace(e.id, '').replace(who, '').replace(/\s+/g, ' ').trim()} · ${[a.user || (a.client || '').replace(/^user=/, ''), a.outcome === 'refused' && t('refused')].filter(Boolean).join(' · ')}`];
  if (e.type === 'node' && a['state.new']) return [who, t(a['state.new'] === 'ready' ? 'ev_up' : 'ev_down')];
  const words = has(key) ? t(key, { exitCode: a.exitCode ?? '?', count: a.count ?? '?' }) : has(`s_${e.action}`) ? t(`s_${e.action}`) : e.action;
  return [who, [words, a.reason, a.network, e.type === 'network' && a.error].filter(Boolean).join(' · ')];
}

const hrefOf = e => (e.task && live.state.tasks.has(e.task) ? to.task(e.task) : e.service && live.state.services.has(e.service) ? to.service(serviceName(live.state, e.service)) : e.type === 'node' && live.state.nodes.has(e.id) ? to.node(nodeName(live.state, e.id)) : e.type === 'container' && live.state.containers.has(e.id) ? to.container(e.id) : null);

/** Newest first. A click puts the moment there; hovering moves every crosshair. */
export function EventList({ events, most = 14, all }) {
  const list = [...events].reverse().slice(0, most);
  if (!list.length) return html`<p class="bar f3">${t('emptyEvents')}</p>${!all && html`<${Rest} shown=${0} of=${0} />`}`;
  return html`<ol class=${`events${all ? ' all' : ''}`} onPointerLeave=${() => sel.setHover(null)}>${list.map(e => {
    const [who, what] = eventWords(e), k = eventKind(e), href = hrefOf(e);
    return html`<li key=${`${e.time}${e.id}${e.action}`} data-x=${e.time} onPointerEnter=${() => sel.setHover(e.time)}><time title=${new Date(e.time).toISOString()}><button type="button" onClick=${() => sel.at(e.time)}>${all ? when(e.time) : hms(e.time)}</button></time>${k ? html`<${Glyph} k=${k === 'update' ? 'update' : k} label=${e.type} />` : html`<span></span>`}${all && html`<span class="ty">${e.type}</span>`}<span>${href ? html`<a href=${href}><b>${who}</b></a>` : html`<b>${who}</b>`} ${what}</span></li>`;
  })}</ol>${!all && html`<${Rest} shown=${list.length} of=${events.length} />`}`;
}
/** What a list does not have, of the time shown. */
const Rest = ({ shown, of }) => html`${of > shown && html`<p class="bar f3">${t('newestOf', { n: number(shown), m: number(of) })}</p>`}${live.knownSince > sel.value.from && html`<p class="bar f3">${t('earlierEvents', { t: when(live.knownSince) })}</p>`}`;
/** Events of one object, and of what is part of it: a service's tasks, a node's tasks and containers. */
export const eventsOf = (kind, x) => inRange(live.events, sel.value).filter(e => {
  const s = live.state, task = e.task && s.tasks.get(e.task);
  if (kind === 'service') return e.service === x.id || task?.service === x.id || e.id === x.id;
  if (kind === 'task') return e.task === x.id || (x.container && e.id === x.container);
  if (kind === 'node') return e.node === x.id || e.id === x.id || task?.node === x.id;
  if (kind === 'network') return e.id === x.id || e.attributes?.['network.id'] === x.id || [x.id, x.name].includes(e.attributes?.network);
  return e.id === x.id;
});
export const EventsOf = ({ kind, x }) => { const list = eventsOf(kind, x); return html`<${Section} title=${t('events')} note=${list.length || null} id="h-e"><${EventList} events=${list} most=${30} /></${Section}>`; };
export const inRange = (events, v) => events.filter(e => e.time >= v.from && e.time <= v.to);
