// What stays on every page: navigation, search, the time bar with its strip, banners, the account.
import { Glyph, Icon, html, useEffect, useMemo, useRef, useState, useStore } from './ui.js';
import { age, day, hms, isDark, lang, number, setLang, setZone, span, t, toggleTheme, utc, when, zone } from './words.js';
import { LENGTHS } from './selection.js';
import { remove } from './api.js';
import { live, now, route, sel, session, to } from './app.js';
import { eventKind, hasQuorum } from './derive.js';
import { Strip } from './plot.js';
import { show } from './actions.js';
import { palette } from './palette.js';
import { eventWords } from './events.js';

const NAV = [['overview'], ['map'], ['services'], ['nodes', 'm'], ['networks', 'm'], ['logs'], ['events', 'm'], ['paths', 'm'], ['alerts', 'm']];
const HERE = { tasks: 'services', containers: 'nodes' };
const firing = () => [...live.state.alerts.values()].filter(a => !(a.silencedUntil > now()));
const counts = () => ({ services: live.state.services.size, nodes: live.state.nodes.size, networks: live.state.networks.size, alerts: firing().length });

export function Frame({ children }) {
  useStore(live); useStore(route);
  const here = HERE[route.path[0]] || route.path[0] || 'overview', n = counts(), c = live.state.cluster, [isMore, more] = useState(false);
  useEffect(() => more(false), [location.pathname]);
  const brand = html`<a class="brand" href=${to.page('overview')}><${Icon} n="apus" />${c?.name || session.cluster}</a>`;
  return html`<div class="app">
    <a class="sr skip" href="#main">${t('skip')}</a>
    <div class="side">${brand}
      <nav class="nav" aria-label=${t('main')}>${NAV.map(([k, m]) => html`<a class=${m} href=${to.page(k)} aria-current=${here === k ? 'page' : null} title=${t(k)}><${Icon} n=${k} />${t(k)}${n[k] > 0 && html`<span class=${`n${k === 'alerts' ? ' red' : ''}`}>${number(n[k])}</span>`}</a>`)}
        <a class="more" href="#more" role="button" aria-expanded=${String(isMore)} onClick=${e => { e.preventDefault(); more(!isMore); }}><${Icon} n="more" />${t('more')}</a></nav>
      <footer><div>${c && `${c.node} · ${t(live.state.nodes.get(c.nodeID)?.isLeader ? 'leader' : 'manager')}`}</div><div>${c && `Apus ${c.version}`}</div></footer></div>
    ${isMore && html`<nav class="sheet" aria-label=${t('more')}>${NAV.filter(x => x[1]).map(([k]) => html`<a href=${to.page(k)}><${Icon} n=${k} />${t(k)}${n[k] > 0 && html`<span class=${`end ${k === 'alerts' ? 'red' : 'f3'}`}>${n[k]}</span>`}</a>`)}</nav>`}
    <div class="top">${brand}
      <button type="button" class="btn find" onClick=${palette} aria-label=${t('find')}><${Icon} n="search" /><span>${t('find')}</span><kbd>Ctrl K</kbd></button><div class="grow"></div>
      <a class="btn flat" href=${to.page('alerts')} aria-label=${`${t('alerts')}: ${n.alerts}`}><${Icon} n="alerts" />${n.alerts > 0 && html`<span class="red">${n.alerts}</span>`}</a><${Tools} /><${Account} /></div>
    <${TimeBar} />
    <main id="main" tabindex="-1" class=${live.lostAt || live.state.problem ? 'stale' : ''}><${Banners} />${children}</main>
    <div class="sr" role="status" aria-live="polite"><${AlertVoice} /></div>
  </div>`;
}

export const Tools = () => html`<button type="button" class="btn flat" lang=${lang === 'en' ? 'zh-Hant' : 'en'} onClick=${() => setLang(lang === 'en' ? 'zh-Hant' : 'en')}>${lang === 'en' ? '中文' : 'EN'}</button>
  <button type="button" class="btn flat icon" aria-label=${t('theme')} title=${t('theme')} aria-pressed=${String(isDark())} onClick=${toggleTheme}><${Icon} n="theme" /></button>`;

function About({ close }) { return html`<h2>Apus</h2><p>${t('aboutText', { version: live.state.cluster?.version || '' })}</p><p class="f3"><a class="link" href="/a/licences.txt" target="_blank" rel="noopener">licences.txt</a></p><footer class="row"><span class="grow"></span><button type="button" class="btn" onClick=${close}>${t('close')}</button></footer>`; }

function Account() {
  const [isOpen, open] = useState(false), ref = useRef(null);
  useEffect(() => { if (!isOpen) return undefined; const f = e => { if (e.type === 'keydown' ? e.key === 'Escape' : !ref.current.contains(e.target)) open(false); }; document.addEventListener('pointerdown', f); document.addEventListener('keydown', f); return () => { document.removeEventListener('pointerdown', f); document.removeEventListener('keydown', f); }; }, [isOpen]);
  const u = session.user;
  return html`<div class="acc" ref=${ref}><button type="button" class="btn flat icon" aria-label=${`${t('account')} ${u?.name}`} aria-expanded=${String(isOpen)} onClick=${() => open(!isOpen)}><${Icon} n="user" /></button>
    ${isOpen && html`<div class="pop"><div><b>${u.name}</b><span class="f3 end">${t('role_' + u.role)}</span></div><hr /><button type="button" onClick=${() => setZone(utc ? 'local' : 'utc')}>${t('zone')}<span class="f3 end">${utc ? t('utc') : t('local')}</span></button><button type="button" onClick=${() => { open(false); show(About, { title: t('about') }); }}>${t('about')}</button><button type="button" onClick=${async () => { await remove('session'); location.href = '/'; }}>${t('signout')}</button></div>`}</div>`;
}

/** The marks of the strip: what has a kind of its own. */
export const marksOf = events => events.map(e => ({ x: e.time, k: eventKind(e), words: `${hms(e.time)} ${eventWords(e).join(' ')}` })).filter(m => m.k);

function TimeBar() {
  const [, bump] = useState(0);
  useEffect(() => { const f = () => bump(n => n + 1), offs = [sel.on('range', f), sel.on('over', () => (sel.brush || f.had) && (f.had = !!sel.brush, f()))]; return () => offs.forEach(off => off()); }, []);
  const v = sel.value, [a, b] = sel.brush || [v.from, v.to], long = b - a > 864e5, marks = useMemo(() => marksOf(live.events), [live.events]);
  const text = x => long ? `${day(x)} ${hms(x).slice(0, 5)}` : html`${hms(x).slice(0, 5)}<span class="s">${hms(x).slice(5)}</span>`, isLive = v.live && !live.lostAt;
  return html`<div class="time" role="group" aria-label=${t('time')}>
    <button type="button" class="btn live" title="L" aria-pressed=${String(isLive)} onClick=${() => sel.live()}><svg width="8" height="8" aria-hidden="true"><circle class="d" cx="4" cy="4" r="4" /></svg>${t('live')}</button>
    <div class="seg">${LENGTHS.map(([name, ms]) => html`<button type="button" aria-pressed=${String(Math.abs(v.to - v.from - ms) < 1)} onClick=${() => sel.live(ms)}>${name}</button>`)}</div>
    <${Strip} marks=${marks} label=${t('strip')} />
    <div class="range"><b>${text(a)} – ${text(b)}</b><i>${span(b - a)}<span class="s"> · ${zone(b)}</span></i></div></div>`;
}

/** What is wrong with what one sees, above everything. */
function Banners() {
  const c = live.state.cluster, [, tick] = useState(0);
  useEffect(() => { if (!live.lostAt) return undefined; const timer = setInterval(() => tick(n => n + 1), 1000); return () => clearInterval(timer); }, [live.lostAt]);
  if (live.lostAt && c) return html`<div class="bar line amber" role="status"><${Glyph} k="warn" /><b>${t('offline', { node: c.node, t: age(now() - live.lostAt), at: when(live.heard || live.lostAt) })}</b></div>`;
  if (live.state.problem && c) return html`<div class="bar line amber" role="status"><${Glyph} k="warn" /><b>${t('problem', { reason: t(`e_${live.state.problem}`), at: when(live.heard) })}</b></div>`;
  if (c && !hasQuorum(c)) return html`<div class="banner" role="alert"><${Glyph} k="bad" /><b>${t('noquorum', { n: c.reachable, m: c.managers })}</b><span class="f2">${t('howquorum')}</span><code>apus swarm init --force-new-cluster</code></div>`;
  return null;
}

/** New alerts are said; lines of logs never are. */
function AlertVoice() {
  const known = useRef(null), list = firing(), fresh = known.current ? list.filter(a => !known.current.has(a.id)) : [];
  useEffect(() => { known.current = new Set(list.map(a => a.id)); });
  return fresh.map(a => a.text).join('. ');
}
