// Help and settings, with what a reader has set.
import { html, Act, Choice, Head, State, Table } from '../ui.js';
import { useStore, state, touch } from '../store.js';
import { meanings } from '../facts.js';
import { act } from '../jobs.js';

// What a reader prefers is kept in the browser.
const kept = (k, or) => { try { return localStorage.getItem('supvisors.' + k) || or; } catch { return or; } };

export const settings = { theme: kept('theme', 'system'), keys: kept('keys', 'on') };

export function set(k, v) {
  settings[k] = v;
  try { localStorage.setItem('supvisors.' + k, v); } catch { /* private window: it holds for this page */ }
  apply();
  touch('settings');
}

export function apply() {
  if (settings.theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => touch('settings'));
export const isDark = () => (settings.theme === 'system' ? dark.matches : settings.theme === 'dark');

const shortcuts = [['/', 'filter or search'], ['j, k', 'next, previous row'], ['x', 'select the row'], ['s, t, r', 'start, stop, restart: the row, or the object of the page'], ['l', 'log'],
  ['f, w', 'follow, wrap a log'], ['g m, g n, g a', 'go to the map, the nodes, the applications'], ['g p, g e, g c', 'go to the processes, events, conflicts'], [': or Ctrl-K', 'all commands'], ['?', 'this page'], ['Escape', 'leave']];

export function HelpPage() {
  useStore('settings', 'cluster');
  const { version, clustered, self } = state.cluster;
  const whole = (action, label) => html`<${Act} label=${label} danger onClick=${() => act({ action })} />`;
  return html`<${Head} title="Help and settings" acts=${html`<${Choice} label="Theme" value=${settings.theme} options=${[['system', 'as the system'], ['light', 'light'], ['dark', 'dark']]} onChange=${(v) => set('theme', v)} />
      <${Choice} label="Shortcuts of one key" value=${settings.keys} options=${[['on', 'on'], ['off', 'off']]} onChange=${(v) => set('keys', v)} />`}><span>Supvisors ${version}, answered by ${self}</span><//>
    <div class="columns"><section><h2>Keyboard</h2><${Table} label="Shortcuts" heads=${['Key', 'Does']}>${shortcuts.map(([k, v]) => html`<tr><th scope="row"><kbd>${k}</kbd></th><td>${v}</td></tr>`)}<//></section>
    <section><h2>States</h2><${Table} label="States of processes" heads=${['State', 'Means']}>${Object.entries(meanings).map(([k, v]) => html`<tr><th scope="row"><${State} word=${k} /></th><td>${v}</td></tr>`)}<//></section></div>
    <h2>For programs</h2><ul><li><a href="metrics" target="_blank">Metrics</a> for Prometheus</li><li><a href="swagger/" target="_blank">REST interface</a> with its description</li>
      <li><a href="ui/api/snapshot" target="_blank">ui/api/snapshot</a>: what this page knows, as JSON; ui/api/stream: the same as it changes</li></ul>
    ${clustered && html`<h2>The whole cluster</h2><div class="acts">${whole('restart_sequence', 'Restart the start sequence')}${whole('restart_cluster', 'Restart the cluster')}${whole('shutdown_cluster', 'Shut down the cluster')}
      ${state.cluster.state === 'SYNCHRONIZATION' && whole('end_sync', 'End the synchronization')}</div>`}`;
}
