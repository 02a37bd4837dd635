// The keyboard. Keys act on what is in the page already: the row that has the focus, or the object of the page.
import { settings } from './settings.js';
import { go } from './router.js';
import { palette } from './palette.js';

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
