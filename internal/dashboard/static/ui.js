// Small parts that all pages are made of.
import { html, useLayoutEffect, useReducer, useState, Component } from './vendor/standalone.module.js';
import { listen, now, nick, node } from './store.js';
import { path } from './router.js';
import { readOnly, strategies, tone } from './facts.js';

export { html };

const two = (n) => String(Math.floor(n)).padStart(2, '0');

export function time(t) {
  const d = new Date(t * 1000);
  const hour = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return new Date(now() * 1000).toDateString() === d.toDateString() ? hour : `${day} ${hour}`;
}

export function span(s) {
  if (s < 60) return `${Math.max(0, Math.floor(s))} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86400)} d ${two((s % 86400) / 3600)} h`;
}

export const percent = (v) => (v == null ? '–' : `${v < 10 ? v.toFixed(1) : Math.round(v)}%`);
export const plural = (n, one, many = one + 's') => `${n} ${n === 1 ? one : many}`;
export const names = (ids) => ids.map(nick).join(', ');

// Paths of 16 x 16 units; those that begin with "F" are filled.
const icons = {
  dot: 'FM8 3a5 5 0 1 1 0 10 5 5 0 1 1 0-10', half: 'M8 3a5 5 0 1 1 0 10 5 5 0 1 1 0-10V13', redo: 'M12.5 5.5A5 5 0 1 0 13 8M13 2.5v3.5h-3.5',
  square: 'M4 4h8v8H4z', check: 'M3 8.5l3.5 3.5L13 4.5', cross: 'M4 4l8 8M12 4l-8 8', what: 'M5.5 6a2.5 2.5 0 1 1 3.5 2.3q-1 .5-1 1.7M8 12.5v.5',
  alert: 'M8 2.5L14 13H2zM8 6.5v3M8 11v.5', start: 'FM5 3l8 5-8 5z', stop: 'FM4 4h8v8H4z', log: 'M3 4h10M3 8h10M3 12h6', menu: 'M2 4h12M2 8h12M2 12h12',
  theme: 'M8 2.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 1 1 0-11V13.5', star: 'FM8 2l1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5z',
  loud: 'M2 6h3l4-3v10L5 10H2zM11 6q2 2 0 4M13 4q4 4 0 8', mute: 'M2 6h3l4-3v10L5 10H2zM11.5 6.5l3 3M14.5 6.5l-3 3', search: 'M7 3a4 4 0 1 1 0 8 4 4 0 1 1 0-8M10 10l4 4', right: 'M6 4l4 4-4 4',
};

export const Icon = ({ name }) => html`<svg class=${icons[name][0] === 'F' ? 'i f' : 'i'} viewBox="0 0 16 16" aria-hidden="true"><path
  d=${icons[name].replace('F', '')} /></svg>`;

// State is a word with its icon and colour.
export const State = ({ word, as = word, kind }) => {
  const [icon, colour] = kind || tone(word);
  return html`<span class="st ${colour}"><${Icon} name=${icon} />${as}</span>`;
};

// Act is a button that does something, to the cluster when it says so. One that makes no sense now stays in the order of the keyboard and says why.
export function Act({ icon, label, why, onClick, bare, danger, name, primary, does }) {
  if (does) why = readOnly || why;
  const kind = `b${bare ? ' bare' : ''}${danger ? ' danger' : ''}${primary ? ' primary' : ''}`;
  const title = why ? `${label}: ${why}` : bare ? label : null;
  return html`<button type="button" class=${kind} data-do=${name} aria-disabled=${why ? 'true' : null} title=${title}
    aria-label=${bare || why ? title : null} onClick=${(e) => (why ? e.preventDefault() : onClick(e))}>
    ${icon && html`<${Icon} name=${icon} />`}${bare ? '' : html`<span>${label}</span>`}</button>`;
}

// Since ticks by itself, so that nothing else has to be drawn for it.
export function Since({ t }) {
  const [, again] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => listen(['clock'], again), []);
  return t ? html`<span class="n" title=${time(t)}>${span(now() - t)}</span>` : null;
}

export const NodeLink = ({ id, tab }) => html`<a href=${path(['nodes', node(id)?.nick || id, ...(tab ? [tab] : [])])}>${nick(id)}</a>`;
export const AppLink = ({ name }) => html`<a href=${path(['apps', name])}>${name}</a>`;
export function processPath(name, query) {
  const [group, process = group] = name.split(':');
  return path(['processes', group, process], query);
}
export const ProcessLink = ({ name, as = name, query }) => html`<a href=${processPath(name, query)}>${as}</a>`;

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

// Nothing stands in for the page of something that is not there.
export const Nothing = ({ what, name, href = 'ui/' }) => html`<${Head} title=${name} /><${Empty}>There is no ${what} of this name. <a href=${href}>See what there is</a><//>`;

// Head is the top of a page: its title, what matters at once, and what can be done.
export const Head = ({ title, children, acts }) => html`<header class="head" data-subject>
  <h1 tabindex="-1">${title}</h1><div class="facts">${children}</div>${acts && html`<div class="acts">${acts}</div>`}
</header>`;

export const Tabs = ({ label, tabs }) => html`<nav class="tabs" aria-label=${label}>${tabs.map(([name, href, on]) =>
  html`<a href=${href} aria-current=${on ? 'page' : null}>${name}</a>`)}</nav>`;

// Toggles are filters of which each can be on or off; Choice is one of several.
export const Toggle = ({ on, onClick, children, name, title }) => html`<button type="button" class="b" aria-pressed=${String(!!on)} data-do=${name}
  title=${title} onClick=${onClick}>${children}</button>`;

export const Choice = ({ label, value, options, onChange }) => html`<label class="choice"><span>${label}</span>
  <select value=${value} onChange=${(e) => onChange(e.target.value)}>${options.map(([v, text = v]) =>
  html`<option value=${v} selected=${v === value}>${text}</option>`)}</select></label>`;

export const Strategy = ({ value, own, onChange }) => html`<${Choice} label="Strategy" value=${value} options=${Object.keys(strategies).map((k) => [k, k === own ? `${k} (of the rules)` : k])}
  onChange=${onChange} /><span class="muted">${strategies[value]}</span>`;

export const any = (names) => [['', 'all'], ...names.map((n) => [n])];

export const Search = ({ label, value, onInput, main }) => html`<input type="search" class="search" aria-label=${label} placeholder=${label}
  value=${value} data-search=${main} spellcheck=${false} autocomplete="off" onInput=${(e) => onInput(e.target.value)} />`;

export function Spark({ values, max, label }) {
  const top = Math.max(max || 0, ...values, 1e-9);
  const points = values.map((v, i) => `${((i / Math.max(1, values.length - 1)) * 60).toFixed(1)},${(15 - (v / top) * 14).toFixed(1)}`).join(' ');
  return html`<svg class="spark" viewBox="0 0 60 16" role="img" aria-label=${label}><polyline points=${points} /></svg>`;
}

export const Bar = ({ value, label, kind = '' }) => html`<span class="bar ${kind}" role="img" aria-label=${`${label} ${Math.round(value)}%`} title=${`${label} ${Math.round(value)}%`}><span
  style=${{ width: `${Math.min(100, value)}%` }} /></span>`;

// Still draws again only when something that it was given has changed.
export class Still extends Component {
  shouldComponentUpdate(next) {
    for (const k in next) if (k !== 'children' && next[k] !== this.props[k]) return true;
    return false;
  }

  render({ draw, ...rest }) { return draw(rest); }
}

// useFetch asks once for each set of arguments; what comes late for an older set is dropped.
export function useFetch(ask, args) {
  const [got, set] = useState({});
  useLayoutEffect(() => {
    let mine = true;
    ask().then((value) => mine && set({ value }), (error) => mine && set({ error: error.message }));
    return () => { mine = false; };
  }, args);
  return got;
}

// useMedia follows a media query.
export function useMedia(query) {
  const [, again] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => {
    const m = matchMedia(query);
    m.addEventListener('change', again);
    return () => m.removeEventListener('change', again);
  }, [query]);
  return matchMedia(query).matches;
}

export const wide = '(min-width: 700px)';

// Table has a name and scrolls by itself when it is too wide.
export const Table = ({ label, heads, children, kind = '' }) => html`<div class="wide" tabindex="0" role="region" aria-label=${label}><table class="list ${kind}">
  <thead><tr>${heads.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead><tbody>${children}</tbody></table></div>`;
