// Values as text. Pure: language and zone are handed in.
const pad = (n, w = 2) => String(n).padStart(w, '0');

/** Hours, minutes, seconds and, if asked for, milliseconds of a moment. */
export function clock(ms, utc, fine) {
  const d = new Date(ms);
  const [h, m, s] = utc ? [d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()] : [d.getHours(), d.getMinutes(), d.getSeconds()];
  return `${pad(h)}:${pad(m)}:${pad(s)}${fine ? '.' + pad(d.getMilliseconds(), 3) : ''}`;
}

/** As in 08-12. */
export function day(ms, utc) {
  const d = new Date(ms);
  return utc ? `${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}` : `${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

/** The zone as in UTC+8, or UTC+5:30. */
export function zoneName(ms, utc) {
  const minutes = utc ? 0 : -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const sign = minutes < 0 ? '−' : '+', abs = Math.abs(minutes);
  return `UTC${sign}${Math.floor(abs / 60)}${abs % 60 ? ':' + pad(abs % 60) : ''}`;
}

/** A length of time, its two largest parts: 1 h 5 min. */
export function span(ms, units) {
  const total = Math.max(0, Math.round(ms / 1000));
  const parts = [[Math.floor(total / 86400), units.d], [Math.floor(total / 3600) % 24, units.h], [Math.floor(total / 60) % 60, units.m], [total % 60, units.s]];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return `0 ${units.s}`;
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, u]) => `${n} ${u}`).join(' ');
}

/** Only the largest part of it, for columns. */
export function age(ms, units) {
  const total = Math.max(0, Math.round(ms / 1000));
  if (total < 60) return `${total} ${units.s}`;
  if (total < 3600) return `${Math.floor(total / 60)} ${units.m}`;
  if (total < 86400) return `${Math.floor(total / 3600)} ${units.h}`;
  return `${Math.floor(total / 86400)} ${units.d}`;
}

/** Bytes by 1,024: 1.9 GiB. */
export function bytes(n) {
  if (n == null || !isFinite(n)) return '—';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let k = 0;
  while (Math.abs(n) >= 1000 && k < units.length - 1) { n /= 1024; k += 1; }
  return `${k === 0 || Math.abs(n) >= 100 ? Math.round(n) : n.toFixed(1)} ${units[k]}`;
}

/** What others have written, as it can be shown in one line: colours of terminals are left out; what would move, hide or turn round other text is seen. */
export function visible(text) {
  if (!/[\0-\x08\n-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/.test(text)) return text;
  return text.replace(/\x1b\[[0-9;:]*m/g, '').replace(/[\0-\x08\n-\x1f]/g, c => String.fromCharCode(0x2400 + c.charCodeAt(0))).replace(/\x7f/g, '\u2421')
    .replace(/[\x80-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g, c => `‹${c.charCodeAt(0).toString(16)}›`);
}

/** As many digits as say something: 0.02, 1.6, 227, 1,518. */
export function figure(n) {
  if (n == null || !isFinite(n)) return '—';
  const a = Math.abs(n);
  return a === 0 ? '0' : a < 10 ? n.toFixed(2) : a < 100 ? n.toFixed(1) : Math.round(n).toLocaleString('en');
}

/** The same without zeros that say nothing: 8, 2.5. */
export const plain = n => figure(n).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');

/** Without a registry and without a digest: shop/web:2.4.1. */
export function shortImage(image) {
  const name = String(image || '').replace(/@sha256:[0-9a-f]+$/, '');
  const parts = name.split('/');
  return parts.length > 1 && /[.:]|^localhost$/.test(parts[0]) ? parts.slice(1).join('/') : name;
}

/** The top of an axis that begins at 0. */
export function niceTop(most) {
  const p = 10 ** Math.floor(Math.log10(most || 1));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(k => k * p).find(k => k >= most * 1.04) || 15 * p;
}

const STEPS = [1e3, 5e3, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 12e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5];

/** Places on a time axis: [pixel, label], at round times of the zone. */
export function ticks(from, to, width, utc) {
  const most = Math.max(2, width / 64), step = STEPS.find(k => (to - from) / k <= most) || 6048e5;
  const shift = utc ? 0 : -new Date(from).getTimezoneOffset() * 6e4;
  const out = [];
  for (let k = Math.ceil((from + shift) / step) * step - shift; k < to; k += step) {
    const x = (k - from) / (to - from) * width;
    if (x > 16 && x < width - 16) out.push([x, step < 864e5 ? clock(k, utc).slice(0, step < 6e4 ? 8 : 5) : day(k, utc)]);
  }
  return out;
}

// Ports of a service: of several in a row the first and the last.
export const publishedText = p => p.last ? `${p.published}–${p.last}` : `${p.published}`;
export const targetText = p => p.last ? `${p.target}–${p.target + p.last - p.published}` : `${p.target}`;
