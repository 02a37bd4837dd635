// The command palette: every page, node, application and process, and what can be done with them.
import { html, useLayoutEffect, useRef, useState } from './vendor/standalone.module.js';
import { state, touch, useStore } from './store.js';
import { go, path } from './router.js';
import { act } from './jobs.js';
import { processPath } from './ui.js';
import { whyNot, whyNotApp } from './facts.js';
import { set, isDark } from './settings.js';

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
