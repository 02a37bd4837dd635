// Boot, frame and the choice of the page.
import { html, render, useLayoutEffect } from './vendor/standalone.module.js';
import { Act, Icon, State, Since, Search, plural } from './ui.js';
import { start, state, useStore, nick } from './store.js';
import { useRoute, here, go, path, root } from './router.js';
import { counts, health, lost, nodeWord, readOnly, serves } from './facts.js';
import { Toasts, Dialogs } from './jobs.js';
import { MapPage, NodePage } from './pages/nodes.js';
import { ProcessesPage } from './pages/processes.js';
import { ApplicationPage, ProcessPage } from './pages/application.js';
import { EventsPage } from './pages/events.js';
import { ConflictsPage, RulesPage } from './pages/rules.js';
import { HelpPage, Palette, apply, beep, isDark, palette, set, settings } from './pages/help.js';

const pages = {
  '': [MapPage, 'Map'], processes: [ProcessesPage, 'Processes'], nodes: [NodePage, 'Node'], apps: [ApplicationPage, 'Application'], conflicts: [ConflictsPage, 'Conflicts'],
  events: [EventsPage, 'Events'], rules: [RulesPage, 'Rules'], whatif: [RulesPage, 'What if'], help: [HelpPage, 'Help'],
};

function Page() {
  const route = useRoute();
  const [View, name] = route.page === 'processes' && route.args.length ? [ProcessPage] : pages[route.page] || pages[''];
  useLayoutEffect(() => { alarm(name || ''); });
  return html`<${Elsewhere} /><${View} key=${[route.page, ...route.args.slice(0, 2)].join('/')} ...${route} />`;
}

// alarm puts failures into the title and the icon, where they are seen while another tab is in front, and has each new one heard.
let drawn = '';
let worst = Infinity; // what was there when the page came is not new
function alarm() {
  const { page, args } = here();
  const c = counts();
  const bad = c.failed + c.lost + c.conflicts;
  if (bad > worst) beep();
  worst = bad;
  const what = page === 'processes' && args.length ? args.filter((x, i) => x !== args[i - 1]).join(':') : args[0] || pages[page]?.[1] || 'Map';
  const tab = page === 'nodes' && args[1] ? ` ${args[1]}` : '';
  document.title = `${bad ? `(${bad}!) ` : ''}${what}${tab} · ${state.cluster.name || 'Supvisors'}`;
  const colour = state.lamp === 'lost' ? '%23888' : bad ? '%23c62828' : '%232e7d32';
  if (drawn === colour) return;
  drawn = colour;
  let link = document.querySelector('link[rel~=icon]');
  if (!link) document.head.append(link = Object.assign(document.createElement('link'), { rel: 'icon' }));
  link.type = 'image/svg+xml';
  link.href = `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${colour}"/>${bad ? '<path d="M8 3v6M8 11v2" stroke="white" stroke-width="2"/>' : ''}</svg>`;
}

// Elsewhere: when the node that serves the page is gone, the others are not.
function Elsewhere() {
  useStore('lamp');
  if (state.lamp !== 'lost') return null;
  const others = state.nodes.filter((n) => n.id !== state.cluster.self && serves(n) && n.port);
  return html`<div class="note bad" role="alert"><p><b>${nick(state.cluster.self) || 'The node'} does not answer.</b> What you see is as it was <${Since} t=${state.heard / 1000 + state.skew} /> ago.</p>
    ${others.length > 0 && html`<p>Go on with another node: ${others.map((n) => html`<a class="b" href=${`${location.protocol}//${n.host}:${n.port}/${location.href.slice(root.length)}`}>${n.nick}</a> `)}</p>`}</div>`;
}

const lamps = { live: ['dot', 'good', 'live'], connecting: ['half', 'busy', 'connecting'], polling: ['half', 'warn', 'every 5 s'], lost: ['cross', 'bad', 'stale for'] };

const skip = (e, what) => {
  e.preventDefault();
  (document.querySelector(what) || document.querySelector('main h1'))?.focus();
};
const menu = (open) => document.documentElement.classList.toggle('menu', open);

function Top() {
  useStore('cluster', 'lamp', 'settings');
  const { page, args } = useRoute();
  const { cluster } = state;
  const c = counts();
  const count = (n, text, href, colour) => n > 0 && html`<a class="count ${colour}" href=${href}>${text}</a>`;
  return html`<a class="skip" href="#main" onClick=${(e) => skip(e, 'main h1')}>Skip to the content</a><a class="skip" href="#main" onClick=${(e) => skip(e, 'main .acts :is(a,button,input,select), main .tools :is(a,button)')}>Skip to the actions</a>
    <button type="button" class="b bare burger" aria-label="Menu" onClick=${() => menu()}><${Icon} name="menu" /></button>
    <a class="name" href="ui/">${cluster.icon && html`<img src=${cluster.icon} alt="" height="22" />`}<b class="cut">${cluster.name || 'Supvisors'}</b></a>
    <span class="pill"><${State} word=${cluster.state} /></span>${cluster.clustered && html`<span class="master"><${Icon} name="star" />${cluster.master ? html`<span class="sr">Master </span>${nick(cluster.master)}` : 'no Master'}</span>`}
    <div class="counts">${count(c.failed, `${c.failed} failed`, 'ui/processes?state=failed', 'bad')}${count(c.starting, `${c.starting} starting`, 'ui/processes?state=starting', 'busy')}
      ${count(c.lost, `${plural(c.lost, 'node')} lost`, 'ui/?view=nodes', 'bad')}${count(c.conflicts, plural(c.conflicts, 'conflict'), 'ui/conflicts', 'warn')}</div>
    ${(page !== 'processes' || args.length > 0) && html`<form role="search" onSubmit=${(e) => { e.preventDefault(); go(path(['processes'], { q: e.target.elements[0].value })); }}><${Search} label="Find a process" value="" onInput=${() => {}} /></form>`}
    ${readOnly && html`<span class="pill">read only</span>`}<span class="lamp" role="status"><${State} word="" kind=${lamps[state.lamp]} as=${lamps[state.lamp][2]} />${state.lamp === 'lost' && html` <${Since} t=${state.heard / 1000 + state.skew} />`}</span>
    <${Act} bare icon="search" label="Commands (Ctrl-K)" onClick=${palette} /><${Act} bare icon=${settings.sound === 'on' ? 'loud' : 'mute'} label=${settings.sound === 'on' ? 'Mute the alarm' : 'Let failures be heard'} onClick=${() => set('sound', settings.sound === 'on' ? 'off' : 'on')} />
    <${Act} bare icon="theme" label=${isDark() ? 'Light theme' : 'Dark theme'} onClick=${() => set('theme', isDark() ? 'light' : 'dark')} />`;
}

function Side() {
  useStore('cluster');
  const { page, args } = useRoute();
  const c = counts();
  const item = (href, name, on, more) => html`<li key=${href}><a href=${href} aria-current=${on ? 'page' : null} onClick=${() => menu(false)}><span class="cut grow" title=${name}>${name}</span>${more}</a></li>`;
  const places = [['', 'Map', c.all], ['processes', 'Processes', c.all], ['events', 'Events'], ...(state.cluster.clustered ? [['conflicts', 'Conflicts', c.conflicts], ['rules', 'Rules'], ['whatif', 'What if']] : []), ['help', 'Help and settings']];
  return html`<ul>${places.map(([p, name, n]) => item(p ? `ui/${p}` : 'ui/', name, page === p && !args.length, p && n > 0 && html`<span class="n muted">${n}</span>`))}</ul>
    <h2>Nodes</h2><ul>${state.nodes.map((n) => item(path(['nodes', n.nick]), n.nick, page === 'nodes' && (args[0] === n.nick || args[0] === n.id),
      html`${n.id === state.cluster.master && html`<${Icon} name="star" />`}<${State} word=${nodeWord(n)} kind=${lost(n) ? ['cross', 'bad'] : null} />`))}</ul>
    <h2>Applications</h2><ul>${state.apps.map((a) => item(path(['apps', a.name]), a.name, page === 'apps' && args[0] === a.name, html`<${State} word="" kind=${health(a)} as=${a.major || a.minor ? health(a)[2] : a.state} />`))}</ul>`;
}

function Root() {
  useStore('cluster', 'lamp');
  if (!state.ready) return null;
  return html`<${Page} />`;
}

// place is an element of the shell, made where the shell has none.
function place(tag, id) {
  let e = document.getElementById(id);
  if (!e) {
    e = Object.assign(document.createElement(tag), { id });
    document.body.append(e);
  }
  e.replaceChildren();
  return e;
}

apply();
start();
const first = setInterval(() => {
  if (!state.ready) return; // what the daemon has drawn stays until there is something better
  clearInterval(first);
  document.querySelector('body > .skip')?.remove(); // the frame has its own
  render(html`<${Top} />`, place('header', 'top'));
  render(html`<${Side} />`, place('nav', 'nav'));
  render(html`<${Root} />`, place('main', 'main'));
  render(html`<${Toasts} />`, place('div', 'toasts'));
  render(html`<${Dialogs} /><${Palette} />`, place('div', 'dialogs'));
}, 20);
