// Signing in: whose dashboard it is and its certificate's fingerprint come before one types a password.
import { Glyph, Icon, html, useEffect, useState } from './ui.js';
import { t } from './words.js';
import { post } from './api.js';
import { session } from './app.js';
import { Tools } from './frame.js';

export function Login({ done }) {
  const [error, fail] = useState(null), [wait, setWait] = useState(0), [isBusy, busy] = useState(false);
  const token = location.pathname === '/open' ? location.hash.slice(1) : '';
  useEffect(() => {
    document.title = [t('signin'), session.cluster, 'Apus'].filter(Boolean).join(' · ');
    if (token) post('session/link', { token }).then(done, () => fail('linkOver'));
  }, []);
  useEffect(() => { if (wait <= 0) return undefined; const timer = setTimeout(() => setWait(wait - 1), 1000); return () => clearTimeout(timer); }, [wait]);
  const submit = async e => {
    e.preventDefault();
    if (isBusy || wait > 0) return;
    const form = new FormData(e.target);
    busy(true); fail(null);
    try { done(await post('session', { name: form.get('name'), password: form.get('password') })); return; } catch (x) {
      if (x.code === 'wait') setWait(Math.ceil(x.wait)); else fail(x.code === 'wrong' ? 'wrong' : `e_${x.code}`);
    }
    busy(false);
  };
  return html`<main class="login"><div class="tools"><${Tools} /></div>
    <form onSubmit=${submit}><${Icon} n="apus" /><h1>${session.cluster || 'Apus'}</h1><p class="f3 mono">${location.host}</p>
      ${(error || wait > 0) && html`<p class="err" role="alert"><${Glyph} k="bad" /><span>${[error && t(error), wait > 0 && t('wait', { n: wait })].filter(Boolean).join(' ')}</span></p>`}
      <label><span>${t('name')}</span><span class="field row"><input name="name" autocomplete="username" required autofocus /></span></label>
      <label><span>${t('password')}</span><span class="field row"><input name="password" type="password" autocomplete="current-password" required /></span></label>
      <button class="btn main" disabled=${isBusy || wait > 0}>${t('signin')}</button>
      ${error === 'linkOver' ? html`<pre class="mono">apus dashboard open</pre>` : html`<p class="f2">${t('noAccount')}</p><pre class="mono">apus dashboard user add NAME --role viewer</pre>`}</form>
    <p class="f3">${session.fingerprint && html`<span>${t('fingerprint')} </span><code title=${session.fingerprint}>SHA-256 ${session.fingerprint.slice(0, 11)}…${session.fingerprint.slice(-11)}</code> · <span>${t('compare')} </span><code>apus dashboard open</code>`}</p></main>`;
}
