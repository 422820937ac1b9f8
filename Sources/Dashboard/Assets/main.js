// Begins: who looks, then the stream, then the page.
import { Empty, Skeleton, html, render, useEffect, useStore } from './ui.js';
import { lang, t } from './words.js';
import { get, whenSignedOut } from './api.js';
import { go, live, now, route, sel, session, setClock, start, to } from './app.js';
import { Frame } from './frame.js';
import { Login } from './login.js';
import { keys } from './keys.js';
import { Overview } from './overview.js';
import { Service, Services } from './services.js';
import { Container, Task } from './task.js';
import { Containers, Node, Nodes } from './nodes.js';
import { Network, Networks } from './networks.js';
import { Logs } from './logpage.js';
import { Alerts } from './alerts.js';
import { Events, Paths } from './lists.js';
import { ClusterMap } from './map.js';

const root = document.getElementById('root');
const PAGES = { '': Overview, map: ClusterMap, services: Services, nodes: Nodes, containers: Containers, networks: Networks, logs: Logs, events: Events, paths: Paths, alerts: Alerts };
const OBJECTS = { services: Service, tasks: Task, containers: Container, nodes: Node, networks: Network };

function Page() {
  useStore(live); useStore(route);
  const [name = '', id] = route.path, state = live.state;
  useEffect(() => { document.title = [id || t(name || 'overview'), state.cluster?.name || session.cluster, 'Apus'].filter(Boolean).join(' · '); });
  if (state.problem === 'noSwarm' && !state.cluster) return html`<${Empty} title=${t('noSwarmTitle')} text=${t('noSwarm')} command="apus swarm init" />`;
  if (!state.cluster) return html`<${Skeleton} />`;
  const View = id ? OBJECTS[name] : PAGES[name];
  if (!View) return html`<${Empty} title=${t('nothing')} text=${location.pathname}><a class="link" href=${to.page('overview')}>${t('overview')}</a></${Empty}>`;
  return html`<${View} key=${location.pathname} id=${id} />`;
}

/** Events of the range shown, where the stream has not told them. */
async function fetchEvents() {
  const [from, to] = sel.value.ctx, most = 1000;
  try {
    const { events, isCut } = await get('events', { from: Math.round(from), to: Math.round(to), limit: most });
    live.cutAt = isCut ? Math.min(...events.map(e => e.time)) : 0;
    live.add(events, [from, sel.value.live ? Infinity : to]);
  } catch { /* the strip stays as it is; the page says why it is old */ }
}

function enter() {
  start();
  live.askAgain = fetchEvents;
  live.connect();
  let asked = '';
  const events = () => { const k = sel.value.live ? `live ${sel.value.length}` : sel.value.ctx.join(); if (k !== asked) { asked = k; fetchEvents(); } };
  sel.on('range', events);
  events();
  addEventListener('keydown', keys);
  if (location.pathname === '/open') history.replaceState(null, '', '/');
  render(html`<${Frame}><${Page} /></${Frame}>`, root);
}

async function begin() {
  document.documentElement.lang = lang;
  try {
    const greeting = await get('session');
    Object.assign(session, greeting);
    setClock(greeting.now);
  } catch (error) {
    render(html`<${Empty} title=${t('e_network')} text=${t(`e_${error.code}`)}><button type="button" class="btn" onClick=${() => location.reload()}>${t('retry')}</button></${Empty}>`, root);
    return;
  }
  whenSignedOut(() => { live.close(); location.href = '/'; });
  if (session.user && location.pathname !== '/open') enter();
  else render(html`<${Login} done=${user => { session.user = user; history.replaceState(null, '', location.pathname === '/open' ? '/' : location.pathname + location.search); enter(); }} />`, root);
}
begin();
export { go, now };
