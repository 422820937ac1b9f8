// What all pages share: the Selection, the cluster, who looks, and where.
import { Live } from './live.js';
import { SelectionStore, format, parse } from './selection.js';

let ahead = 0;                                        // the manager's clock less the browser's
export const now = () => Date.now() + ahead;
export const setClock = server => { if (server) ahead = server - Date.now(); };

export const sel = new SelectionStore(now);
export const live = new Live(now);
export const session = { user: null, cluster: '', fingerprint: '', hasAccounts: true };
export const mayAct = () => session.user?.role === 'operator';

/** The page's address: its path in parts and its own parameters, beside those of the Selection. */
export const route = {
  listeners: new Set(),
  get path() { return location.pathname.split('/').filter(Boolean).map(decodeURIComponent); },
  get params() { return new URLSearchParams(location.search); },
  subscribe(f) { this.listeners.add(f); return () => this.listeners.delete(f); },
  tell() { for (const f of [...this.listeners]) f(); },
};

/** An address within the dashboard that keeps the Selection. */
export function go(path, params) {
  const query = format(sel.value, new URLSearchParams());
  for (const [k, v] of Object.entries(params || {})) if (v != null && v !== '') query.set(k, v);
  return query.size ? `${path}?${query}` : path;
}
export const to = {
  service: name => go(`/services/${encodeURIComponent(name)}`), task: id => go(`/tasks/${id}`), node: name => go(`/nodes/${encodeURIComponent(name)}`),
  network: name => go(`/networks/${encodeURIComponent(name)}`), container: id => go(`/containers/${id}`), page: (name, params) => go(name === 'overview' ? '/' : `/${name}`, params),
};
export function visit(address) { history.pushState(null, '', address); route.tell(); scrollTo(0, 0); document.getElementById('main')?.focus({ preventScroll: true }); }
/** Changes the page's own parameters in place. */
export function setParams(changes) {
  const params = route.params;
  for (const [k, v] of Object.entries(changes)) if (v == null || v === '' || v === false) params.delete(k); else params.set(k, v === true ? '1' : v);
  history.replaceState(null, '', location.pathname + (params.size ? `?${params}` : ''));
  route.tell();
}

export function start() {
  sel.value = parse(route.params, now());
  sel.changed = () => { const params = format(sel.value, route.params); history.replaceState(null, '', location.pathname + (params.size ? `?${params}` : '')); };
  addEventListener('popstate', () => { sel.set(parse(route.params, now()), false); route.tell(); });
  document.addEventListener('click', e => {
    const a = e.target.closest?.('a[href]');
    if (!a || a.hasAttribute('download') || a.origin !== location.origin || a.target || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || a.hash || a.pathname.startsWith('/a/')) return;
    e.preventDefault();
    visit(a.pathname + a.search);
  });
  setInterval(() => { if (!document.hidden && sel.hover == null && !sel.brush && !document.querySelector('dialog[open], .log .open')) sel.move(now()); }, 2000);
}
