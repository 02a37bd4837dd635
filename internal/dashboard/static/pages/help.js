// The keyboard, the command palette, what a reader has set, and the page that explains all of it.
import { html, useLayoutEffect, useRef, useState } from '../vendor/standalone.module.js';
import { Act, Choice, Head, State, Table, processPath } from '../ui.js';
import { nick, state, touch, useStore } from '../store.js';
import { go, path } from '../router.js';
import { meanings, whyNot, whyNotApp } from '../facts.js';
import { act } from '../jobs.js';

// What a reader prefers is kept in the browser.
const kept = (k, or) => { try { return localStorage.getItem('supvisors.' + k) || or; } catch { return or; } };

export const settings = { theme: kept('theme', 'system'), keys: kept('keys', 'on'), sound: kept('sound', 'off') };

export function set(k, v) {
  settings[k] = v;
  try { localStorage.setItem('supvisors.' + k, v); } catch { /* private window: it holds for this page */ }
  apply();
  if (k === 'sound' && v === 'on') beep(); // a browser lets a page be heard after a click
  touch('settings');
}

let audio;

export function beep() {
  if (settings.sound !== 'on') return;
  audio ||= new AudioContext();
  const tone = audio.createOscillator();
  tone.connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.2);
}

export function apply() {
  if (settings.theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => touch('settings'));
export const isDark = () => (settings.theme === 'system' ? dark.matches : settings.theme === 'dark');

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

// find has the commands with most whole words in front, of these the shorter ones: "stop loose" is the process, not the application.
function find(words) {
  const all = commands().map((c) => [c, c[0].toLowerCase()]).filter(([, name]) => words.every((w) => name.includes(w)));
  if (!words.length) return all.map(([c]) => c);
  const misses = (name) => words.filter((w) => !name.split(/[\s:]/).includes(w)).length;
  return all.sort(([, a], [, b]) => misses(a) - misses(b) || a.length - b.length).map(([c]) => c);
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
  const list = find(q.toLowerCase().split(/\s+/).filter(Boolean)).slice(0, 50);
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

const shortcuts = [['/', 'filter or search'], ['j, k', 'next, previous row'], ['x', 'select the row'], ['s, t, r', 'start, stop, restart: the row, or the object of the page'], ['l', 'log'],
  ['f, w', 'follow, wrap a log'], ['g m, g n, g a', 'go to the map, the nodes, the applications'], ['g p, g e, g c', 'go to the processes, events, conflicts'], [': or Ctrl-K', 'all commands'], ['?', 'this page'], ['Escape', 'leave']];

export function HelpPage() {
  useStore('settings', 'cluster');
  const { version, clustered, self } = state.cluster;
  const whole = (action, label) => html`<${Act} does label=${label} danger onClick=${() => act({ action })} />`;
  return html`<${Head} title="Help and settings" acts=${html`<${Choice} label="Theme" value=${settings.theme} options=${[['system', 'as the system'], ['light', 'light'], ['dark', 'dark']]} onChange=${(v) => set('theme', v)} />
      <${Choice} label="Shortcuts of one key" value=${settings.keys} options=${[['on', 'on'], ['off', 'off']]} onChange=${(v) => set('keys', v)} />
      <${Choice} label="Sound of a new failure" value=${settings.sound} options=${[['off', 'off'], ['on', 'on']]} onChange=${(v) => set('sound', v)} />`}><span>Supvisors ${version}, answered by ${nick(self)}</span><//>
    <div class="columns"><section><h2>Keyboard</h2><${Table} label="Shortcuts" heads=${['Key', 'Does']}>${shortcuts.map(([k, v]) => html`<tr><th scope="row"><kbd>${k}</kbd></th><td>${v}</td></tr>`)}<//></section>
    <section><h2>States</h2><${Table} label="States of processes" heads=${['State', 'Means']}>${Object.entries(meanings).map(([k, v]) => html`<tr><th scope="row"><${State} word=${k} /></th><td>${v}</td></tr>`)}<//></section></div>
    <h2>For programs</h2><ul><li><a href="metrics" target="_blank">Metrics</a> for Prometheus</li><li><a href="swagger/" target="_blank">REST interface</a> with its description</li>
      <li><a href="ui/api/snapshot" target="_blank">ui/api/snapshot</a>: what this page knows, as JSON; ui/api/stream: the same as it changes</li></ul>
    ${clustered && html`<h2>The whole cluster</h2><div class="acts">${whole('restart_sequence', 'Restart the start sequence')}${whole('restart_cluster', 'Restart the cluster')}${whole('shutdown_cluster', 'Shut down the cluster')}
      ${state.cluster.state === 'SYNCHRONIZATION' && whole('end_sync', 'End the synchronization')}</div>`}`;
}
