// Networks are lanes, nodes columns, tasks cells; arcs above are the paths' health.
import { Empty, Glyph, Icon, Section, Seg, html, s as svg, useEffect, useRange, useRef, useStore } from './ui.js';
import { number, t } from './words.js';
import { figure, plain, publishedText } from './format.js';
import { live, route, sel, setParams, to } from './app.js';
import { byNames, isCurrent, isUp, nodeGlyph, serviceName, taskGlyph, taskName } from './derive.js';
import { EventList, inRange } from './events.js';
import { ClusterCharts, NodeKeys } from './overview.js';

const CELLS = 24, GROUPS = 12, LEAST = 170;
/** As many columns as have room; the other nodes are on their page. */
const columns = () => Math.min(12, Math.max(3, Math.floor((innerWidth - 560) / LEAST)));
const METRICS = ['state', 'cpu', 'memory'];

export function ClusterMap() {
  useStore(live); useRange(sel); useStore(route);
  const s = live.state, tasks = [...s.tasks.values()].filter(isCurrent), measured = tasks.some(x => x.use?.cpu != null), metric = METRICS.includes(route.params.get('by')) ? route.params.get('by') : measured ? 'cpu' : 'state';
  const most0 = columns(), every = byNames(s.nodes.values()), needs = n => !isUp(n) || tasks.some(x => x.node === n.id && taskGlyph(x) === 'bad'), nodes = every.length > most0 ? [...every.filter(needs), ...every.filter(n => !needs(n))].slice(0, most0) : every, lanes = [...s.networks.values()].sort((a, b) => b.isIngress - a.isIngress || a.name.localeCompare(b.name));
  if (!lanes.length) return html`<${Empty} title=${t('emptyNetworks')} text=${t('emptyNetworksText')} command="apus network create --driver overlay backend" />`;
  const most = Math.max(1e-9, ...tasks.map(x => x.use?.[metric] ?? 0)), level = x => (metric === 'state' ? 2 : x.use?.[metric] == null ? 0 : Math.min(4, Math.floor(x.use[metric] / most * 4.999)));
  const published = byNames(s.services.values()).flatMap(x => x.ports.filter(p => p.published).map(p => ({ p, x })));
  return html`<div class="bar"><h1 class="sr">${t('map')}</h1><span class="f2">${t('colour')}</span><${Seg} label=${t('colour')} items=${METRICS.map(m => [m, t(m)])} value=${metric} onChange=${m => setParams({ by: m })} />${metric !== 'state' && html`<span class="row f3"><span>${t('low')}</span><span class="cells" aria-hidden="true">${[0, 1, 2, 3, 4].map(q => html`<i class=${`cell q${q}`}></i>`)}</span><span>${t('high')}</span></span>`}${s.paths.size > 0 && html`<span class="end f3 p2">${t('rttloss')}</span>`}</div>
    <section><div class="scroll"><div class="map" ref=${el => el?.style.setProperty('--nodes', nodes.length)}>
      <${Arcs} nodes=${nodes} />
      <div class="lane hd f2">${t('networks')}</div>${nodes.map(n => html`<div class="hd" key=${n.id}><div class="row"><${Glyph} k=${nodeGlyph(n)} label=${t('s_' + n.state)} /><b><a href=${to.node(n.name)}>${n.name}</a></b><span class="f3 p3">${t(n.isLeader ? 'leader' : n.role)}</span></div><span class="f2">${n.use?.cpu != null ? `${t('cpu')} ${Math.round(n.use.cpu * 100)} %` : n.address}</span></div>`)}<div class="pub hd f2 p2">${t('published')}</div>
      ${lanes.map(net => html`<${Lane} key=${net.id} net=${net} nodes=${nodes} tasks=${tasks} level=${level} ports=${net.isIngress ? published : []} />`)}
    </div></div>${every.length > nodes.length && html`<p class="bar"><a class="link" href=${to.page('nodes')}>${t('moreNodes', { n: every.length - nodes.length })}</a></p>`}</section>
    <${Section} title=${t('cluster')} id="h-c" end=${html`<${NodeKeys} nodes=${every} />`}><${ClusterCharts} nodes=${every} /></${Section}>
    <${Section} title=${t('events')} id="h-e"><${EventList} events=${inRange(live.events, sel.value)} most=${30} /></${Section}>`;
}

function Lane({ net, nodes, tasks, level, ports }) {
  const s = live.state, here = tasks.filter(x => x.addresses.some(a => a.network === net.id)), hot = net.total && net.used / net.total > 0.9;
  return html`<div class="lane"><div class="row"><b><a href=${to.network(net.name)}>${net.name}</a></b>${net.isEncrypted && html`<span class="f3" title=${t('encrypted')}><${Icon} n="lock" /></span>`}${net.isInternal && html`<span class="f3">${t('internal')}</span>`}</div><div class="f3">${net.subnets[0]}${net.total ? html` · <span class=${hot ? 'amber' : 'f3'}>${number(net.used)}/${number(net.total)}</span>` : ''}</div></div>
    ${nodes.map(n => { const mine = here.filter(x => x.node === n.id), groups = byNames([...new Set(mine.map(x => x.service))].map(id => ({ id, name: serviceName(s, id) }))); return html`<div class=${`on${mine.length ? '' : ' off'}`}>${mine.length ? groups.slice(0, GROUPS).map(g => { const list = mine.filter(x => x.service === g.id).sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0)); return html`<span class="grp"><a href=${to.service(g.name)}>${g.name}</a>${list.length > CELLS ? html`<span class="f2">× ${list.length}</span>` : html`<span class="cells">${list.map(x => html`<a class=${`cell ${taskGlyph(x) === 'bad' ? 'bad' : x.state === 'running' ? `q${level(x)}` : 'busy'}`} href=${to.task(x.id)} aria-label=${`${taskName(s, x)} ${t('s_' + x.state)}`} title=${`${taskName(s, x)} · ${t('s_' + x.state)}`}></a>`)}</span>`}</span>`; }).concat(groups.length > GROUPS ? html`<a class="grp link" href=${to.node(n.name)}>+ ${groups.length - GROUPS}</a>` : []) : html`<span class="grp f3">${t('notHere')}</span>`}</div>`; })}
    <div class="pub">${ports.map(({ p, x }) => html`<div>${publishedText(p)} → <a href=${to.service(x.name)}>${x.name}</a></div>`)}</div>`;
}

/** The three worst paths; the others are on their page. */
function Arcs({ nodes }) {
  const ref = useRef(null), s = live.state, index = new Map(nodes.map((n, i) => [n.id, i]));
  const list = [...s.paths.values()].filter(p => p.kind === 'vxlan' && index.has(p.from) && index.has(p.to) && index.get(p.from) < index.get(p.to)).sort((a, b) => b.loss - a.loss || (b.roundTrip ?? 9) - (a.roundTrip ?? 9)).slice(0, 3);
  useEffect(() => {
    const el = ref.current;
    if (!el || !list.length) return undefined;
    const draw = () => {
      const heads = [...el.closest('.map').querySelectorAll('.hd .glyph')].map(g => g.getBoundingClientRect().left - el.getBoundingClientRect().left + 6), g = [];
      list.map(p => ({ p, i: index.get(p.from), j: index.get(p.to) })).sort((a, b) => (a.j - a.i) - (b.j - b.i)).forEach(({ p, i, j }, n) => {
        const up = j - i === 1 ? 34 : 34 + 15 * Math.min(2, n), a = heads[i] + (j - i > 1 ? -4 : 4), b = heads[j] + (j - i > 1 ? 4 : -4), y = 80 - up, cls = p.roundTrip == null || p.loss > 0 ? 'amber' : '';
        g.push(svg('path', { class: `arc ${cls}`, d: `M${a} 82V${y + 8}Q${a} ${y} ${a + 8} ${y}H${b - 8}Q${b} ${y} ${b} ${y + 8}V82` }), svg('text', { class: `halo ${cls}`, x: (a + b) / 2, y: y - 5, 'text-anchor': 'middle' }, p.roundTrip == null ? t('noAnswer') : `${figure(p.roundTrip * 1000)} ms${p.loss > 0 ? ` · ${plain(p.loss * 100)} %` : ''}`));
      });
      el.setAttribute('viewBox', `0 0 ${el.clientWidth} 84`);
      el.replaceChildren(...g);
    };
    draw();
    const o = new ResizeObserver(draw);
    o.observe(el);
    return () => o.disconnect();
  });
  return html`<div class="arcs">${list.length > 0 && html`<svg ref=${ref} role="img" aria-label=${t('rttloss')}></svg>`}</div>`;
}
