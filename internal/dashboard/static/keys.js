// The keyboard: single keys and the command palette.
import { html, useLayoutEffect, useRef, useState } from './vendor/standalone.module.js';
import { state, touch, useStore } from './store.js';
import { go, path } from './router.js';
import { act } from './jobs.js';
import { processPath } from './ui.js';
import { whyNot, whyNotApp } from './facts.js';
import { set, settings, isDark } from './pages/help.js';

// Keys act on what is in the page already: the row that has the focus, or the object of the page.
const places = { m: 'ui/', n: 'ui/?view=nodes', a: 'ui/?view=apps', p: 'ui/processes', e: 'ui/events', c: 'ui/conflicts' };
const deeds = { s: 'start', t: 'stop', r: 'restart', l: 'log', x: 'select', f: 'follow', w: 'wrap' };
let going = 0;

const main = () => document.getElementById('main');
const row = () => document.activeElement?.closest('[data-row]');

function move(by) {
  const rows = [...main().querySelectorAll('[data-row]')];
  const at = rows.indexOf(row());
  const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
  next?.querySelector('th a, a')?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

function press(e) {
  const typing = e.target.closest?.('input:not([type=checkbox]), textarea, select');
  if ((e.ctrlKey || e.metaKey) && e.key === 'k') { e.preventDefault(); palette(); return; }
  if (e.key === 'Escape' && typing) e.target.blur();
  if (typing || e.ctrlKey || e.metaKey || e.altKey || settings.keys === 'off' || document.querySelector('dialog[open]')) return;
  const k = e.key;
  if (performance.now() - going < 1500 && places[k]) {
    going = 0;
    go(places[k]);
  } else if (k === 'g') going = performance.now();
  else if (k === 'j' || k === 'k') move(k === 'j' ? 1 : -1);
  else if (k === '/') (main().querySelector('[data-search]') || document.querySelector('#top input'))?.focus();
  else if (k === ':') palette();
  else if (k === '?') go('ui/help');
  else if (deeds[k]) ((row() || main()).querySelector(`[data-do="${deeds[k]}"]`) || (k === 'l' && main().querySelector('[data-do="log"]')))?.click();
  else return;
  e.preventDefault();
}

document.addEventListener('keydown', press);

// The palette has every page, node, application and process, and what can be done with them.
let open = false;
export function palette() { open = !open; touch('palette'); }
const shut = () => { open = false; touch('palette'); };

function commands() {
  const list = [['Cluster map', 'ui/'], ['Processes', 'ui/processes'], ['Events', 'ui/events'], ['Conflicts', 'ui/conflicts'], ['Rules', 'ui/rules'], ['What if', 'ui/whatif'], ['Help and settings', 'ui/help'],
    ['Switch the theme', () => set('theme', isDark() ? 'light' : 'dark')]];
  for (const n of state.nodes) list.push([`Node ${n.nick}`, path(['nodes', n.nick])], [`Host of ${n.nick}`, path(['nodes', n.nick, 'host'])], [`Log of ${n.nick}`, path(['nodes', n.nick, 'log'])]);
  for (const a of state.apps) {
    list.push([`Application ${a.name}`, path(['apps', a.name])]);
    for (const k of ['start', 'stop', 'restart']) if (!whyNotApp(`${k}_application`, a)) list.push([`${k[0].toUpperCase()}${k.slice(1)} application ${a.name}`, () => act({ action: `${k}_application`, target: a.name })]);
  }
  for (const p of state.processes.values()) {
    list.push([`Process ${p.name}`, processPath(p.name)], [`Log of ${p.name}`, processPath(p.name, { tab: 'log' })]);
    for (const k of ['start', 'stop', 'restart']) if (!whyNot(k, p)) list.push([`${k[0].toUpperCase()}${k.slice(1)} ${p.name}`, () => act({ action: k, target: p.name })]);
  }
  return list;
}

export function Palette() {
  useStore('palette');
  return open && html`<${Box} />`;
}

function Box() {
  const ref = useRef();
  const [q, setQ] = useState('');
  const [at, setAt] = useState(0);
  useLayoutEffect(() => { ref.current.showModal(); }, []);
  useLayoutEffect(() => { ref.current.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }); });
  const words = q.toLowerCase().split(/\s+/);
  const list = commands().filter(([name]) => words.every((w) => name.toLowerCase().includes(w))).slice(0, 50);
  const run = (c) => {
    ref.current.close();
    if (!c) return;
    if (typeof c[1] === 'string') go(c[1]);
    else c[1]();
  };
  const press = (e) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by) setAt((at + by + list.length) % Math.max(1, list.length));
    else if (e.key === 'Enter') run(list[at]);
    else return;
    e.preventDefault();
  };
  return html`<dialog class="palette" ref=${ref} aria-label="Commands" onClose=${shut}><input type="search" role="combobox" aria-expanded="true" aria-controls="commands" aria-activedescendant=${`c${at}`}
      aria-label="Command" placeholder="Go to, start, stop…" autocomplete="off" value=${q} onInput=${(e) => { setQ(e.target.value); setAt(0); }} onKeyDown=${press} />
    <ul id="commands" role="listbox" aria-label="Commands">${list.map((c, i) => html`<li role="option" id=${`c${i}`} key=${c[0]} aria-selected=${String(i === at)} onClick=${() => run(c)}>${c[0]}</li>`)}</ul></dialog>`;
}
