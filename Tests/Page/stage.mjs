// As much of a browser as the page needs to be drawn and to be used by keys: no layout, no styles. Preact is taken from Vendor as the build takes it.
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = path => fileURLToPath(new URL(path, import.meta.url));
/** Why nothing can be drawn here; null where it can. */
export const missing = existsSync(here('../../Vendor/preact.js')) ? null : 'Scripts/packages page has not been run';
/** The page's files and Preact in one folder, as they are served. */
const folder = mkdtempSync(join(tmpdir(), 'apus-page-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
cpSync(here('../../Sources/Dashboard/Assets'), folder, { recursive: true });
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
if (!missing) cpSync(here('../../Vendor/preact.js'), join(folder, 'preact.js'));
/** A file of the page. */
export const load = name => import(pathToFileURL(join(folder, name)));

const PART = /^(?:([\w-]+|\*)|\.([\w-]+)|#([\w-]+)|\[([\w-]+)(?:=["']?([^\]"']*)["']?)?\]|:is\(((?:[^()]|\([^()]*\))*)\)|:not\(((?:[^()]|\([^()]*\))*)\))/;
const split = (text, at) => { const out = ['']; let depth = 0; for (const c of text) { depth += c === '(' || c === '[' ? 1 : c === ')' || c === ']' ? -1 : 0; if (!depth && at.test(c)) out.push(''); else out[out.length - 1] += c; } return out.map(x => x.trim()).filter(Boolean); };
function isSimple(el, text) {
  for (let rest = text; rest;) {
    const m = PART.exec(rest);
    if (!m) throw new Error(`the stage does not know ${text}`);
    const [whole, tag, name, id, attribute, value, some, none] = m;
    if (tag && tag !== '*' && el.localName !== tag || name && !el.classList.contains(name) || id && el.getAttribute('id') !== id || attribute && (value === undefined ? !el.hasAttribute(attribute) : el.getAttribute(attribute) !== value) || some && !el.matches(some) || none && el.matches(none)) return false;
    rest = rest.slice(whole.length);
  }
  return true;
}
function isAt(el, parts) {
  const [own, ...above] = parts;
  if (!isSimple(el, own)) return false;
  if (!above.length) return true;
  if (above[0] === '>') return !!el.parentElement && isAt(el.parentElement, above.slice(1));
  for (let e = el.parentElement; e; e = e.parentElement) if (isAt(e, above)) return true;
  return false;
}

class Events {
  handlers = {};
  addEventListener(name, f) { (this.handlers[name] ||= new Set()).add(f); }
  removeEventListener(name, f) { this.handlers[name]?.delete(f); }
}
class Node_ extends Events {
  childNodes = []; parentNode = null; data = '';
  constructor(type, name = '') { super(); this.nodeType = type; this.localName = name; }
  get firstChild() { return this.childNodes[0] || null; }
  get nextSibling() { return this.parentNode?.childNodes[this.parentNode.childNodes.indexOf(this) + 1] || null; }
  get parentElement() { return this.parentNode?.nodeType === 1 ? this.parentNode : null; }
  get isConnected() { return this === document.documentElement || !!this.parentNode?.isConnected; }
  insertBefore(node, before) { node.remove(); const at = before ? this.childNodes.indexOf(before) : -1; this.childNodes.splice(at < 0 ? this.childNodes.length : at, 0, node); node.parentNode = this; return node; }
  appendChild(node) { return this.insertBefore(node, null); }
  append(...nodes) { for (const n of nodes) this.appendChild(typeof n === 'object' ? n : document.createTextNode(String(n))); }
  replaceChildren(...nodes) { for (const n of [...this.childNodes]) n.remove(); this.append(...nodes); }
  removeChild(node) { node.remove(); return node; }
  remove() { const at = this.parentNode?.childNodes.indexOf(this) ?? -1; if (at >= 0) this.parentNode.childNodes.splice(at, 1); this.parentNode = null; }
  contains(node) { for (let n = node; n; n = n.parentNode) if (n === this) return true; return false; }
  get textContent() { return this.nodeType === 3 ? this.data : this.childNodes.map(n => n.textContent).join(''); }
  set textContent(text) { this.replaceChildren(...(text ? [text] : [])); }
}
class Element_ extends Node_ {
  attributes = new Map(); style = { setProperty() {}, removeProperty() {} };
  scrollTop = 0; scrollHeight = 0; clientHeight = 400; clientWidth = 1000;
  constructor(name) { super(1, name); this.tagName = name.toUpperCase(); }
  setAttribute(k, v) { this.attributes.set(k, String(v)); }
  setAttributeNS(_, k, v) { this.setAttribute(k, v); }
  getAttribute(k) { return this.attributes.get(k) ?? null; }
  hasAttribute(k) { return this.attributes.has(k); }
  removeAttribute(k) { this.attributes.delete(k); }
  get className() { return this.getAttribute('class') || ''; }
  set className(v) { this.setAttribute('class', v); }
  get classList() { const of = () => this.className.split(/\s+/).filter(Boolean); return { contains: n => of().includes(n), add: n => { this.className = [...new Set([...of(), n])].join(' '); }, remove: n => { this.className = of().filter(x => x !== n).join(' '); } }; }
  get dataset() { const el = this; return new Proxy({}, { get: (_, k) => el.attributes.get(`data-${String(k)}`), set: (_, k, v) => { el.setAttribute(`data-${k}`, v); return true; } }); }
  get children() { return this.childNodes.filter(n => n.nodeType === 1); }
  get nextElementSibling() { const all = this.parentElement.children; return all[all.indexOf(this) + 1] || null; }
  get previousElementSibling() { const all = this.parentElement.children; return all[all.indexOf(this) - 1] || null; }
  matches(text) { return split(text, /,/).some(x => isAt(this, split(x.replace(/>/g, ' > '), /\s/).reverse())); }
  closest(text) { for (let e = this; e; e = e.parentElement) if (e.matches(text)) return e; return null; }
  querySelectorAll(text) { return this.children.flatMap(e => [...(e.matches(text) ? [e] : []), ...e.querySelectorAll(text)]); }
  querySelector(text) { return this.querySelectorAll(text)[0] || null; }
  getBoundingClientRect() { return { top: 100, bottom: 120, left: 0, right: 1000, width: 1000, height: 20 }; }
  get pathname() { return new URL(this.getAttribute('href') || '/', location.href).pathname; }
  focus() { document.activeElement = this; }
  blur() { document.activeElement = document.body; }
  scrollIntoView() {}
  showModal() { this.setAttribute('open', ''); }
  close() { this.removeAttribute('open'); this.tell('close'); }
  /** An event that goes up to the window. */
  tell(type, more) { const e = { type, target: this, defaultPrevented: false, stopped: false, preventDefault() { this.defaultPrevented = true; }, stopPropagation() { this.stopped = true; }, ...more }; for (let n = this; n && !e.stopped; n = n.parentNode || (n === document.documentElement ? globalThis.stageWindow : null)) { e.currentTarget = n; for (const f of [...(n.handlers[type] || [])]) f.call(n, e); } return e; }
  click() { return this.tell('click'); }
}
for (const name of ['href', 'id', 'title', 'lang', 'type', 'value', 'disabled']) Object.defineProperty(Element_.prototype, name, { get() { return this.getAttribute(name) ?? ''; }, set(v) { if (v === false || v == null) this.removeAttribute(name); else this.setAttribute(name, v); } });
for (const name of ['onclick', 'onkeydown', 'oninput', 'onpointermove', 'onpointerenter', 'onpointerleave', 'onpointerover', 'onpointerdown', 'onpointerup', 'onscroll', 'onsubmit', 'onchange', 'onfocus', 'onblur']) Object.defineProperty(Element_.prototype, name, { value: null, writable: true });

const none = () => {}, window_ = new Events();
const document = Object.assign(new Events(), { documentElement: new Element_('html'), body: new Element_('body'), hidden: false, title: '', createElement: n => new Element_(n), createElementNS: (_, n) => new Element_(n), createTextNode: text => Object.assign(new Node_(3), { data: text }) });
document.documentElement.append(document.body);
Object.assign(document, { activeElement: document.body, querySelector: s => document.documentElement.querySelector(s), querySelectorAll: s => document.documentElement.querySelectorAll(s), getElementById: id => document.querySelector(`#${id}`) });
const storage = new Map(), set = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
const place = { href: 'http://manager/', get pathname() { return new URL(this.href).pathname; }, get search() { return new URL(this.href).search; }, get hash() { return ''; }, get origin() { return 'http://manager'; }, get host() { return 'manager'; } };
const move = (_, __, address) => { if (address) place.href = new URL(address, place.href).href; };
for (const [name, value] of Object.entries({
  document, stageWindow: window_, location: place, history: { pushState: move, replaceState: move }, navigator: { languages: ['en'] }, localStorage: { getItem: k => storage.get(k) ?? null, setItem: (k, v) => storage.set(k, v) }, Node: Node_,
  innerHeight: 1000, innerWidth: 1280, matchMedia: () => ({ matches: false, addEventListener: none }), scrollTo: none, getComputedStyle: () => ({ getPropertyValue: () => '24' }), ResizeObserver: class { observe() {} disconnect() {} }, IntersectionObserver: class { observe() {} disconnect() {} },
  requestAnimationFrame: f => setTimeout(f, 0), cancelAnimationFrame: clearTimeout, addEventListener: (n, f) => window_.addEventListener(n, f), removeEventListener: (n, f) => window_.removeEventListener(n, f), EventSource: class extends Events { close() {} },
})) set(name, value);

export const root = new Element_('main');
root.setAttribute('id', 'main');
document.body.append(root);
/** Goes to an address without drawing anything. */
export const visitAt = address => { place.href = new URL(address, 'http://manager/').href; };
/** A key where the focus is. */
export const press = (key, more) => document.activeElement.tell('keydown', { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
/** Until effects and drawings that are due are done. */
export const settled = () => new Promise(done => setTimeout(done, 60));
