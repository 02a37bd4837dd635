// Requests to the daemon. An error carries the sentence that the daemon gave.
import { root } from './router.js';

export function address(name, query = {}) {
  const s = new URLSearchParams(Object.entries(query).filter(([, v]) => v !== '' && v != null));
  return new URL('ui/api/' + name + (s.size === 0 ? '' : '?' + s), root).href;
}

async function answer(request) {
  let r;
  try { r = await request; } catch { throw new Error('The node does not answer'); }
  if (r.status === 204) return null;
  const body = await r.json().catch(() => ({}));
  if (!r.ok) throw Object.assign(new Error(body.message || `The node answered ${r.status} ${r.statusText}`), { status: r.status });
  return body;
}

export const get = (name, query) => answer(fetch(address(name, query), { cache: 'no-store' }));

export const post = (name, body) => answer(fetch(address(name), {
  method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
}));
