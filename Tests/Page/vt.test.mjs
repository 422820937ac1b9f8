import assert from 'node:assert/strict';
import test from 'node:test';
import { Screen, bg, fg, isBold, isInverse, keySequence, width } from '../../Sources/Dashboard/Assets/vt.js';

const bytes = text => new TextEncoder().encode(text);
const shown = (text, columns = 20, rows = 5) => { const s = new Screen(columns, rows); s.write(bytes(text)); return s; };

test('lines, returns, tabs and what is rubbed out', () => {
  assert.equal(shown('one\r\ntwo\r\n\tthree').text(), 'one\ntwo\n        three');
  assert.equal(shown('abc\b\bX\r\nlong\rshort').text(), 'aXc\nshort');
});

test('a line that is too long goes on in the next, and the first rows go up', () => {
  const s = shown('0123456789'.repeat(3), 10, 2);
  assert.equal(s.text(), '0123456789\n0123456789');
  assert.equal(s.history.length, 1);
  // The cursor waits behind the last column.
  assert.deepEqual([s.x, s.y], [9, 1]);
  s.write(bytes('\r\nx'));
  assert.equal(s.text(), '0123456789\nx');
});

test('characters in parts, wide ones and those that join', () => {
  const s = new Screen(6, 2), all = bytes('漢字é');
  for (const byte of all) s.write(Uint8Array.of(byte));
  assert.equal(s.text(), '漢字é');
  assert.equal(s.x, 5);
  s.write(bytes('\r\n12345漢'));
  // No half of a character at the end of a row.
  assert.equal(s.lines[1].map(x => x[0]).join('').trim(), '漢');
  assert.deepEqual(['a', '漢', '\u0301', '한'].map(width), [1, 2, 0, 2]);
});

test('an editor moves about, clears, and inserts', () => {
  assert.equal(shown('one\r\ntwo\r\nthree\x1b[2;1H\x1b[K2\x1b[1;4Hs').text(), 'ones\n2\nthree');
  assert.equal(shown('abcdef\x1b[3D\x1b[P\x1b[1@').text(), 'abc ef');
  assert.equal(shown('a\r\nb\r\nc\x1b[1;1H\x1b[L').text(), '\na\nb\nc'.trimEnd());
  assert.equal(shown('a\r\nb\r\nc\x1b[2;1H\x1b[M').text(), 'a\nc');
  assert.equal(shown('a\r\nb\x1b[2J\x1b[H$').text(), '$');
});

test('rows outside of the scrolled ones stay', () => {
  const s = shown('head\r\n1\r\n2\r\n3\r\nfoot\x1b[2;4r\x1b[4;1H\n4');
  assert.equal(s.text(), 'head\n2\n3\n4\nfoot');
  assert.equal(s.history.length, 0);
});

test('the other screen of an editor leaves the first one as it was', () => {
  const s = shown('$ vi\r\n\x1b[?1049h\x1b[Hediting');
  assert.equal(s.text(), 'editing');
  s.write(bytes('\x1b[?1049l$'));
  assert.equal(s.text(), '$ vi\n$');
});

test('colours and looks', () => {
  const s = shown('\x1b[1;31mred\x1b[0m \x1b[97;44mon blue\x1b[39;49m\x1b[7mturned\x1b[27m\x1b[38;5;2mg\x1b[38;2;1;2;3mrgb'), a = s.lines[0].map(x => x[1]);
  assert.deepEqual([fg(a[0]), isBold(a[0]), fg(a[3])], [2, true, 0]);
  assert.deepEqual([fg(a[4]), bg(a[4])], [16, 5]);
  assert.ok(isInverse(a[11]) && bg(a[11]) === 0);
  assert.equal(fg(a[17]), 3);
  assert.deepEqual(shown('ab\x1b[1mc').pieces(shown('ab\x1b[1mc', 4, 1).lines[0], 1).map(p => [p[0], p[2]]), [['a', false], ['b', true], ['c', false], [' ', false]]);
});

test('questions are answered, and what is no sequence is not shown', () => {
  const told = [], s = new Screen(10, 3, x => told.push(x));
  s.write(bytes('ab\x1b[6n\x1b[c\x1b]0;title\x07\x1b(B\x1b[?2004hcd\x1b[>4;2mX'));
  assert.deepEqual(told, ['\x1b[1;3R', '\x1b[?1;2c']);
  assert.equal(s.text(), 'abcdX');
  assert.equal(s.title, 'title');
});

test('what anybody writes ends nothing', () => {
  let seed = 7;
  const chance = n => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
  for (let round = 0; round < 300; round++) {
    const s = new Screen(2 + chance(40), 2 + chance(20));
    for (let i = 0; i < 200; i++) {
      s.write(Uint8Array.from({ length: 1 + chance(8) }, () => [27, 91, 59, 48 + chance(10), 64 + chance(60), chance(256), 10, 226, 63][chance(9)]));
      if (chance(40) === 0) s.resize(2 + chance(40), 2 + chance(20));
      assert.equal(s.lines.length, s.rows);
      for (const line of s.lines) assert.equal(line.length, s.columns);
      assert.ok(s.x >= 0 && s.x < s.columns && s.y >= 0 && s.y < s.rows && s.history.length <= 1000);
    }
  }
});

test('keys', () => {
  const key = (name, more = {}) => keySequence({ key: name, ...more }, false);
  assert.deepEqual([key('Enter'), key('Backspace'), key('ArrowUp'), key('Escape'), key('Tab')], ['\r', '\x7f', '\x1b[A', '\x1b', '\t']);
  assert.equal(keySequence({ key: 'ArrowUp' }, true), '\x1bOA');
  assert.deepEqual([key('c', { ctrlKey: true }), key('d', { ctrlKey: true }), key('b', { altKey: true })], ['\x03', '\x04', '\x1bb']);
  assert.deepEqual([key('a'), key('Tab', { shiftKey: true }), key('漢')], ['', '', '']);
});
