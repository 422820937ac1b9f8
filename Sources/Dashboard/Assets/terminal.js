// A shell in a container, for operators, where the manager allows it. What it writes is only ever text.
import { html, useEffect, useRef, useState } from './ui.js';
import { t } from './words.js';
import { post, remove } from './api.js';
import { live } from './app.js';
import { Act, ask, show } from './actions.js';
import { Screen, bg, fg, isBold, isInverse, isUnderlined, keySequence } from './vt.js';

/** The button, where there is one to be had. */
export const TerminalButton = ({ container, name }) => (live.state.cluster?.hasTerminal ? html`<${Act} text=${t('terminal')} onClick=${() => ask({ title: t('terminalQ', { name }), text: t('terminalText'), ok: t('open'), run: async () => { open(container, name); } })} />` : null);

function open(container, name) {
  const d = show(Terminal, { container, title: name }, 'term');
  // Escape is the program's.
  d.addEventListener('cancel', e => e.preventDefault());
}

const look = ([, a, isCursor]) => [isCursor && 'cur', fg(a) && `cf${fg(a)}`, bg(a) && `cb${bg(a)}`, isBold(a) && 'bo', isUnderlined(a) && 'un', isInverse(a) && 'in'].filter(Boolean).join(' ') || null;

function Terminal({ container, title, close }) {
  const [, draw] = useState(0), [note, tell] = useState(null), [id, began] = useState(null), place = useRef(null), field = useRef(null), screen = useRef(null), typed = useRef({ text: '', isUnderWay: false });
  const size = () => {
    const box = place.current, probe = box.querySelector('.probe').getBoundingClientRect();
    return { columns: Math.max(20, Math.min(500, Math.floor((box.clientWidth - 16) / (probe.width / 10)))), rows: Math.max(5, Math.min(200, Math.floor((box.clientHeight - 16) / probe.height))) };
  };
  const send = async text => {
    const queue = typed.current;
    queue.text += text;
    if (queue.isUnderWay || !queue.id) return;
    queue.isUnderWay = true;
    try { while (queue.text) { const part = queue.text.slice(0, 2000); queue.text = queue.text.slice(2000); await post(`terminals/${queue.id}/input`, { text: part }); } } catch (error) { tell(error.words || t(`e_${error.code}`)); }
    queue.isUnderWay = false;
  };
  useEffect(() => {
    let source = null, isOver = false, frame = 0;
    const { columns, rows } = size(), queue = typed.current;
    screen.current = new Screen(columns, rows, send);
    const redraw = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw(n => n + 1); }); };
    (async () => {
      try {
        const made = await post('terminals', { container, columns, rows });
        if (isOver) { remove(`terminals/${made.id}`).catch(() => {}); return; }
        queue.id = made.id; began(made.id);
        source = new EventSource(`/ui/v1/terminals/${made.id}`);
        source.addEventListener('output', e => { screen.current.write(Uint8Array.from(atob(e.data), c => c.charCodeAt(0))); redraw(); });
        const end = words => { source.close(); queue.id = null; began(null); tell(words); };
        source.addEventListener('ended', e => { const code = JSON.parse(e.data).code; end(t('terminalEnded') + (code ? ` ${t('exit')} ${code}.` : '')); });
        source.addEventListener('signedout', () => end(t('e_notSignedIn')));
        // One that breaks does not go on: the shell goes with it.
        source.addEventListener('error', () => end(t('terminalLost')));
        send('');
      } catch (error) { tell(error.words || t(`e_${error.code}`)); }
    })();
    field.current?.focus();
    let timer = 0;
    const watch = new ResizeObserver(() => { clearTimeout(timer); timer = setTimeout(() => { const now = size(); if (now.columns === screen.current.columns && now.rows === screen.current.rows) return; screen.current.resize(now.columns, now.rows); redraw(); if (queue.id) post(`terminals/${queue.id}/size`, now).catch(() => {}); }, 150); });
    watch.observe(place.current);
    return () => { isOver = true; clearTimeout(timer); watch.disconnect(); source?.close(); if (queue.id) remove(`terminals/${queue.id}`).catch(() => {}); };
  }, [container]);
  useEffect(() => { const box = place.current; box.scrollTop = box.scrollHeight; });
  const onKeyDown = e => { if (e.isComposing) return; const text = keySequence(e, screen.current.hasKeys); if (text && !(e.ctrlKey && e.shiftKey)) { e.preventDefault(); send(text); } };
  // What an input method has under way is not typed yet.
  const onInput = e => { if (e.isComposing) return; send(e.target.value.replace(/\n/g, '\r')); e.target.value = ''; };
  const s = screen.current, row = (line, y, cursor) => html`<div key=${y}>${s.pieces(line, cursor).map(p => html`<span class=${look(p)}>${p[0]}</span>`)}</div>`;
  return html`<header class="bar"><h2>${title}</h2><span class="f3">sh</span>${note && html`<span class="amber" role="status">${note}</span>`}<span class="end row"><button type="button" class="btn small" onClick=${close}>${t('close')}</button></span></header>
    <div class="screen mono" onClick=${() => { if (!String(getSelection())) field.current.focus({ preventScroll: true }); }}>
      <div class="rows" ref=${place} aria-hidden="true"><span class="probe">0000000000</span>${s && s.history.map((line, y) => row(line, `h${y}`, -1))}${s && s.lines.map((line, y) => row(line, y, id && !s.isHidden && y === s.y ? s.x : -1))}</div>
      <textarea ref=${field} aria-label=${t('terminal')} autocapitalize="off" autocomplete="off" spellcheck=${false} rows="1" onKeyDown=${onKeyDown} onInput=${onInput} oncompositionend=${onInput}></textarea></div>
    <p class="sr" role="log">${s && s.text().split('\n').slice(-3).join('\n')}</p><footer class="bar f3">${t('terminalKeys')}</footer>`;
}
