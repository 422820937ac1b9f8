// What is asked of the manager. Reads are plain; writes carry the header that no other page can set.
export class Refused extends Error {
  constructor(code, status, message, wait) { super(message || code); this.code = code; this.status = status; this.wait = wait; this.words = message; }
}

let onSignedOut = () => {};
export const whenSignedOut = f => { onSignedOut = f; };

async function answer(response) {
  if (response.status === 204) return null;
  let body = null;
  try { body = await response.json(); } catch { /* no JSON: the status says enough */ }
  if (response.ok) return body;
  if (response.status === 401 && body?.error === 'notSignedIn') onSignedOut();
  throw new Refused(body?.error || 'internalError', response.status, body?.message, body?.wait);
}

async function ask(path, options) {
  let response;
  try { response = await fetch('/ui/v1/' + path, { credentials: 'same-origin', cache: 'no-store', ...options }); } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused('network', 0);
  }
  return answer(response);
}

export function get(path, params, signal) {
  const query = new URLSearchParams();
  for (const [k, v] of Object.entries(params || {})) if (v != null && v !== '' && v !== false) query.set(k, v === true ? '1' : v);
  return ask(query.size ? `${path}?${query}` : path, { signal });
}
export const post = (path, body) => ask(path, { method: 'POST', headers: { 'X-Apus': '1', 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
export const remove = path => ask(path, { method: 'DELETE', headers: { 'X-Apus': '1' } });
