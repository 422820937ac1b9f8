// What a terminal shows of what a program writes: of VT100 and xterm as much as shells, pagers and editors use. Nothing here knows of a page.
const TABS = 8, KEPT = 1000, PLAIN = 0;
// An attribute is a number: colours from 1 to 16, none 0, and flags.
const BG = 5, BOLD = 1 << 10, UNDERLINE = 1 << 11, INVERSE = 1 << 12;
export const fg = a => a & 31, bg = a => (a >> BG) & 31, isBold = a => (a & BOLD) !== 0, isUnderlined = a => (a & UNDERLINE) !== 0, isInverse = a => (a & INVERSE) !== 0;

/** Columns that a character takes: 0 for one that joins the one before. */
export function width(c) {
  const n = c.codePointAt(0);
  if (n < 0x300) return 1;
  if (/\p{M}|[\u200b-\u200f\ufe00-\ufe0f]/u.test(c)) return 0;
  return (n >= 0x1100 && n <= 0x115f) || (n >= 0x2e80 && n <= 0xa4cf && n !== 0x303f) || (n >= 0xac00 && n <= 0xd7a3) || (n >= 0xf900 && n <= 0xfaff) || (n >= 0xfe30 && n <= 0xfe6f) || (n >= 0xff00 && n <= 0xff60) || (n >= 0xffe0 && n <= 0xffe6) || (n >= 0x1f300 && n <= 0x1faff) || (n >= 0x20000 && n <= 0x3fffd) ? 2 : 1;
}

export class Screen {
  /** @param reply Called with what a program asked the terminal for. */
  constructor(columns, rows, reply = () => {}) {
    Object.assign(this, { columns, rows, reply, history: [], decoder: new TextDecoder(), state: 'text', args: '', x: 0, y: 0, attr: PLAIN, saved: [0, 0, PLAIN], top: 0, bottom: rows - 1, isHidden: false, hasKeys: false, wraps: true, waits: false, other: null, title: '' });
    this.lines = this.blank(rows);
  }
  row() { return Array.from({ length: this.columns }, () => [' ', PLAIN]); }
  blank(n) { return Array.from({ length: n }, () => this.row()); }
  resize(columns, rows) {
    const fit = line => (line.length > columns ? line.slice(0, columns) : [...line, ...Array.from({ length: columns - line.length }, () => [' ', PLAIN])]);
    this.columns = columns;
    while (this.lines.length > rows) { if (this.y < this.lines.length - 1) this.lines.pop(); else { this.keep(this.lines.shift()); this.y--; } }
    this.lines = this.lines.map(fit);
    while (this.lines.length < rows) this.lines.push(this.row());
    this.rows = rows; this.top = 0; this.bottom = rows - 1; this.other = null;
    this.to(this.x, this.y);
  }
  keep(line) { if (this.other) return; this.history.push(line); if (this.history.length > KEPT) this.history.shift(); }
  to(x, y) { this.x = Math.max(0, Math.min(this.columns - 1, x)); this.y = Math.max(0, Math.min(this.rows - 1, y)); this.waits = false; }

  write(bytes) { for (const c of this.decoder.decode(bytes, { stream: true })) this.take(c); }

  take(c) {
    const n = c.codePointAt(0);
    if (this.state === 'osc') { if (n === 7) this.end(); else if (n === 27) this.state = 'oscEnd'; else if (this.args.length < 256) this.args += c; return; }
    if (this.state === 'oscEnd') { this.end(); if (c === '\\') return; this.state = 'esc'; }
    if (n === 24 || n === 26) { this.state = 'text'; return; }
    if (n === 27) { this.state = 'esc'; this.args = ''; return; }
    if (n < 32 || n === 127) { this.control(n); return; }
    if (this.state === 'text') this.put(c);
    else if (this.state === 'esc') this.escape(c);
    else if (this.state === 'skip') this.state = 'text';
    else if (n >= 0x40) { this.state = 'text'; this.csi(c, this.args); }
    else if (this.args.length < 64) this.args += c;
  }
  end() { this.state = 'text'; if (/^[02];/.test(this.args)) this.title = this.args.slice(2); }

  control(n) {
    if (n === 8) this.to(this.x - 1, this.y);
    else if (n === 9) this.to((Math.floor(this.x / TABS) + 1) * TABS, this.y);
    else if (n >= 10 && n <= 12) this.feed();
    else if (n === 13) this.to(0, this.y);
  }
  feed() { this.waits = false; if (this.y === this.bottom) this.scroll(1); else if (this.y < this.rows - 1) this.y++; }
  /** Up by so many rows, down for a negative number; from a row on. */
  scroll(n, from = this.top) {
    for (let i = 0; i < Math.min(Math.abs(n), this.rows); i++) {
      if (n > 0) { const gone = this.lines.splice(from, 1)[0]; this.lines.splice(this.bottom, 0, this.row()); if (from === 0 && this.top === 0) this.keep(gone); }
      else { this.lines.splice(this.bottom, 1); this.lines.splice(from, 0, this.row()); }
    }
  }
  put(c) {
    const w = width(c);
    if (w === 0) { const cell = this.lines[this.y][Math.max(0, this.x - (this.waits ? 0 : 1))]; if (cell[0].length < 16) cell[0] += c; return; }
    if (this.waits || this.x + w > this.columns) { if (this.wraps) { this.x = 0; this.feed(); } else this.x = this.columns - w; this.waits = false; }
    const line = this.lines[this.y];
    line[this.x] = [c, this.attr];
    if (w === 2 && this.x + 1 < this.columns) line[this.x + 1] = ['', this.attr];
    if (this.x + w >= this.columns) { this.x = this.columns - 1; this.waits = true; } else this.x += w;
  }

  escape(c) {
    this.state = 'text';
    if (c === '[') { this.state = 'csi'; this.args = ''; }
    else if (c === ']') { this.state = 'osc'; this.args = ''; }
    else if ('()*+#%'.includes(c)) this.state = 'skip';
    else if (c === '7') this.saved = [this.x, this.y, this.attr];
    else if (c === '8') this.restore();
    else if (c === 'D') this.feed();
    else if (c === 'E') { this.x = 0; this.feed(); }
    else if (c === 'M') { if (this.y === this.top) this.scroll(-1); else this.to(this.x, this.y - 1); }
    else if (c === 'c') { Object.assign(this, { attr: PLAIN, top: 0, bottom: this.rows - 1, lines: this.blank(this.rows) }); this.to(0, 0); }
  }
  restore() { this.to(this.saved[0], this.saved[1]); this.attr = this.saved[2]; }

  csi(c, text) {
    const isPrivate = /^[?<>=]/.test(text), args = text.replace(/^[?<>=]/, '').replace(/[ -/]/g, '').split(/[;:]/).map(x => (x === '' ? null : Math.min(+x || 0, 9999))), n = args[0] || 1, line = this.lines[this.y];
    if (isPrivate) { if (c === 'h' || c === 'l') for (const mode of args) this.mode(mode, c === 'h'); return; }
    const clear = (row, a, z) => { for (let x = a; x < z; x++) row[x] = [' ', this.attr & (31 << BG)]; };
    switch (c) {
      case 'A': this.to(this.x, this.y - n); break;
      case 'B': case 'e': this.to(this.x, this.y + n); break;
      case 'C': case 'a': this.to(this.x + n, this.y); break;
      case 'D': this.to(this.x - n, this.y); break;
      case 'E': this.to(0, this.y + n); break;
      case 'F': this.to(0, this.y - n); break;
      case 'G': case '`': this.to(n - 1, this.y); break;
      case 'd': this.to(this.x, n - 1); break;
      case 'H': case 'f': this.to((args[1] || 1) - 1, n - 1); break;
      case 'J': {
        const how = args[0] || 0;
        if (how === 3) { this.history = []; break; }
        this.lines.forEach((row, y) => { if (how === 2 || (how === 0 ? y > this.y : y < this.y)) clear(row, 0, this.columns); });
        if (how === 0) clear(line, this.x, this.columns); else if (how === 1) clear(line, 0, this.x + 1);
        break;
      }
      case 'K': { const how = args[0] || 0; clear(line, how === 0 ? this.x : 0, how === 1 ? this.x + 1 : this.columns); break; }
      case 'L': if (this.y >= this.top && this.y <= this.bottom) this.scroll(-n, this.y); break;
      case 'M': if (this.y >= this.top && this.y <= this.bottom) for (let i = 0; i < Math.min(n, this.rows); i++) { this.lines.splice(this.y, 1); this.lines.splice(this.bottom, 0, this.row()); } break;
      case 'P': line.splice(this.x, n); while (line.length < this.columns) line.push([' ', PLAIN]); break;
      case '@': line.splice(this.x, 0, ...Array.from({ length: Math.min(n, this.columns) }, () => [' ', PLAIN])); line.length = this.columns; break;
      case 'X': clear(line, this.x, Math.min(this.columns, this.x + n)); break;
      case 'S': this.scroll(n); break;
      case 'T': this.scroll(-n); break;
      case 'r': { const a = (args[0] || 1) - 1, z = (args[1] || this.rows) - 1; if (a < z && z < this.rows) { this.top = a; this.bottom = z; this.to(0, 0); } break; }
      case 's': this.saved = [this.x, this.y, this.attr]; break;
      case 'u': this.restore(); break;
      case 'n': if (args[0] === 6) this.reply(`\x1b[${this.y + 1};${this.x + 1}R`); else if (args[0] === 5) this.reply('\x1b[0n'); break;
      case 'c': this.reply('\x1b[?1;2c'); break;
      case 'm': this.color(args); break;
    }
  }
  mode(mode, on) {
    if (mode === 25) this.isHidden = !on;
    else if (mode === 1) this.hasKeys = on;
    else if (mode === 7) this.wraps = on;
    else if ([47, 1047, 1049].includes(mode) && on !== (this.other != null)) {
      if (on) { this.other = [this.lines, this.x, this.y, this.attr]; this.lines = this.blank(this.rows); this.top = 0; this.bottom = this.rows - 1; }
      else { const [lines, x, y, attr] = this.other; Object.assign(this, { lines, attr, other: null, top: 0, bottom: this.rows - 1 }); this.to(x, y); }
    }
  }
  color(args) {
    for (let i = 0; i < args.length; i++) {
      const n = args[i] || 0, set = (shift, value) => { this.attr = (this.attr & ~(31 << shift)) | (value << shift); };
      if (n === 0) this.attr = PLAIN;
      else if (n === 1) this.attr |= BOLD;
      else if (n === 4) this.attr |= UNDERLINE;
      else if (n === 7) this.attr |= INVERSE;
      else if (n === 22) this.attr &= ~BOLD;
      else if (n === 24) this.attr &= ~UNDERLINE;
      else if (n === 27) this.attr &= ~INVERSE;
      else if (n >= 30 && n <= 37) set(0, n - 29);
      else if (n >= 90 && n <= 97) set(0, n - 81);
      else if (n === 39) set(0, 0);
      else if (n >= 40 && n <= 47) set(BG, n - 39);
      else if (n >= 100 && n <= 107) set(BG, n - 91);
      else if (n === 49) set(BG, 0);
      // Of more colours the first sixteen are those; others are left as they are.
      else if (n === 38 || n === 48) { if (args[i + 1] === 5) { if (args[i + 2] < 16) set(n === 38 ? 0 : BG, args[i + 2] + 1); i += 2; } else if (args[i + 1] === 2) i += 4; }
    }
  }

  /** A row in pieces of one look each: [text, attribute, whether the cursor is in it]. */
  pieces(line, cursor = -1) {
    const found = [];
    line.forEach(([c, a], x) => { const last = found[found.length - 1], at = x === cursor; if (last && last[1] === a && !last[2] && !at) last[0] += c; else found.push([c, a, at]); });
    return found;
  }
  text() { return this.lines.map(line => line.map(([c]) => c).join('').trimEnd()).join('\n').trimEnd(); }
}

/** What a key sends; nothing for one that is the page's or the text field's. */
export function keySequence(e, hasKeys) {
  const arrow = { ArrowUp: 'A', ArrowDown: 'B', ArrowRight: 'C', ArrowLeft: 'D', Home: 'H', End: 'F' }[e.key];
  if (arrow) return (hasKeys ? '\x1bO' : '\x1b[') + arrow;
  const special = { Enter: '\r', Backspace: '\x7f', Escape: '\x1b', Insert: '\x1b[2~', Delete: '\x1b[3~', PageUp: '\x1b[5~', PageDown: '\x1b[6~', F1: '\x1bOP', F2: '\x1bOQ', F3: '\x1bOR', F4: '\x1bOS' }[e.key];
  if (special) return special;
  // Shift-Tab goes back to the page.
  if (e.key === 'Tab') return e.shiftKey ? '' : '\t';
  if (e.ctrlKey && !e.metaKey && !e.altKey && e.key.length === 1) { const n = e.key.toUpperCase().charCodeAt(0); return n >= 64 && n < 96 ? String.fromCharCode(n - 64) : e.key === ' ' ? '\0' : ''; }
  if (e.altKey && !e.ctrlKey && !e.metaKey && /^[\x21-\x7e]$/.test(e.key)) return '\x1b' + e.key;
  return '';
}
