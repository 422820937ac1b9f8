// The language, the zone and the theme of this browser, and words in them.
import en from './words-en.js';
import zh from './words-zh-hant.js';
import * as f from './format.js';

const read = key => { try { return localStorage.getItem('apus.' + key); } catch { return null; } };
const write = (key, value) => { try { localStorage.setItem('apus.' + key, value); } catch { /* private windows keep nothing */ } };

const query = new URLSearchParams(location.search);
const asked = query.get('lang') || read('lang') || (navigator.languages || []).find(l => /^(en|zh)/i.test(l)) || 'en';
export const lang = /^zh/i.test(asked) ? 'zh-Hant' : 'en';
const words = lang === 'en' ? en : zh;
document.documentElement.lang = lang;
export function setLang(next) { write('lang', next); reload('lang'); }

const theme = query.get('theme') || read('theme');
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
export const isDark = () => document.documentElement.dataset.theme ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
export function toggleTheme() { const next = isDark() ? 'light' : 'dark'; document.documentElement.dataset.theme = next; write('theme', next); }

export const utc = (query.get('zone') || read('zone')) === 'utc';
export function setZone(next) { write('zone', next); reload('zone'); }

function reload(without) { const u = new URL(location.href); u.searchParams.delete(without); location.href = u; }

/** The words of a key, with values in their places; the key itself when there are none. */
export function t(key, values) {
  const text = words[key] ?? key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole) : text;
}
export const has = key => key in words;

const units = { d: t('days'), h: t('hrs'), m: t('min'), s: t('sec') };
export const hms = (ms, fine) => f.clock(ms, utc, fine);
export const day = ms => f.day(ms, utc);
/** Today's moments without, others with their day. */
export const when = ms => Math.abs(Date.now() - ms) < 432e5 ? hms(ms) : `${day(ms)} ${hms(ms).slice(0, 5)}`;
export const span = ms => f.span(ms, units);
export const age = ms => f.age(ms, units);
export const zone = ms => f.zoneName(ms, utc);
export const number = n => Number(n).toLocaleString('en');
