// The address of a page: its path is the object, its query the state of the view, so that every view is a bookmark.
import { useLayoutEffect, useReducer } from './vendor/standalone.module.js';

// The shell's base is relative to the address; it is fixed before the first pushState would move it.
const base = document.querySelector('base') || document.head.appendChild(document.createElement('base'));
base.href = base.getAttribute('href') ? base.href : new URL('..', location.href).href;
export const root = base.href;
// Nothing can be fetched below an address with a login in it; by now the browser knows it.
if (new URL(root).username) location.replace(location.href);

const watchers = new Set();
const decode = (s) => { try { return decodeURIComponent(s); } catch { return s; } };
let route = read();
let late = 0;

function read() {
  const path = location.pathname.slice(new URL(root).pathname.length).replace(/^ui\/?/, '');
  const [page = '', ...args] = path.split('/').filter(Boolean).map(decode);
  return { page, args, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

function tell() { for (const w of watchers) w(); }

const search = (query) => {
  const s = new URLSearchParams(Object.entries(query).filter(([, v]) => v)).toString().replace(/%2C/g, ',').replace(/%3A/g, ':');
  return s && '?' + s;
};

// path builds a link below ui/ from its parts and a query.
export const path = (parts, query = {}) => 'ui/' + parts.map(encodeURIComponent).join('/') + search(query);

export const here = () => route;

// view changes the query of the present page. Browsers limit how often the address may change, the view follows at once.
export function view(changes) {
  route = { ...route, query: { ...route.query, ...changes } };
  tell();
  clearTimeout(late);
  late = setTimeout(write, 300);
}

function write() {
  clearTimeout(late);
  late = 0;
  history.replaceState(null, '', location.pathname + search(route.query));
}

export function go(href) {
  if (late) write();
  const from = location.pathname;
  history.pushState(null, '', new URL(href, root));
  route = read();
  tell();
  if (from === location.pathname) return;
  scrollTo(0, 0);
  requestAnimationFrame(() => document.querySelector('main h1')?.focus({ preventScroll: true }));
}

addEventListener('popstate', () => { route = read(); tell(); });

// Links stay links; what leads to another page of ours is only drawn anew.
document.addEventListener('click', (e) => {
  const a = e.target.closest?.('a[href]');
  if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  if (a.target || a.hasAttribute('download') || a.origin !== location.origin) return;
  if (!a.href.startsWith(root + 'ui/') || /^(api|static)\//.test(a.href.slice(root.length + 3))) return;
  e.preventDefault();
  if (a.hash) document.getElementById(a.hash.slice(1))?.focus();
  else go(a.href);
});

export function useRoute() {
  const [, again] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => { watchers.add(again); return () => watchers.delete(again); }, []);
  return route;
}

// Requests to the daemon. An error carries the sentence that the daemon gave.
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
