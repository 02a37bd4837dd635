// Everything that acts: a question where something may be lost, then a job, then what came of it, as the daemon tells it.
import { html, useEffect, useLayoutEffect, useRef, useState } from './vendor/standalone.module.js';
import { state, app, enlist, nick, node, process, touch, useStore } from './store.js';
import { post } from './router.js';
import { blocked, conciliations, strategies, whyNot, whyNotApp } from './facts.js';
import { Act, Icon, State, plural, processPath } from './ui.js';

const verbs = {
  start: 'Start', stop: 'Stop', restart: 'Restart', signal: 'Signal', clear: 'Clear the logs of', enable: 'Enable', disable: 'Disable',
  start_application: 'Start application', stop_application: 'Stop application', restart_application: 'Restart application',
  start_group: 'Start group', stop_group: 'Stop group', restart_group: 'Restart group',
  start_all: 'Start all', stop_all: 'Stop all', restart_node: 'Restart node', shutdown_node: 'Shut down node', update: 'Update',
  conciliate: 'Conciliate', keep: 'Keep', stop_copy: 'Stop',
  restart_sequence: 'Restart the start sequence', restart_cluster: 'Restart the cluster', shutdown_cluster: 'Shut down the cluster',
  end_sync: 'End the synchronization',
};

// title says what a request is, "Start shop:web on node_b".
function title(r) {
  const verb = r.action === 'signal' ? `Send ${r.signal} to` : verbs[r.action] || r.action;
  const node = r.node ? nick(r.node) : '';
  const strategy = r.action === 'conciliate' ? ` by ${r.strategy}` : '';
  return [verb, r.target || node, r.target && node ? `on ${node}` : ''].filter(Boolean).join(' ') + strategy;
}

const stops = new Set(['stop', 'restart', 'stop_copy', 'stop_application', 'restart_application', 'stop_group', 'restart_group', 'stop_all',
  'restart_node', 'shutdown_node', 'restart_cluster', 'shutdown_cluster', 'restart_sequence', 'conciliate', 'keep']);
const typed = new Set(['restart_node', 'shutdown_node', 'restart_cluster', 'shutdown_cluster']);

// hit lists what a request would stop, as [process, node].
function hit(r) {
  const all = [...state.processes.values()];
  const on = (list, id) => list.flatMap((p) => p.on.filter((n) => !id || n === id).map((n) => [p, n]));
  switch (r.action) {
    case 'keep': return on([process(r.target)]).filter(([, n]) => n !== r.node);
    case 'stop': case 'restart': case 'stop_copy': return on([process(r.target)], r.node);
    case 'stop_application': case 'restart_application': case 'stop_group': case 'restart_group': return on(app(r.target)?.processes || [], r.node);
    case 'stop_all': case 'restart_node': case 'shutdown_node': return on(all, r.node);
    case 'restart_cluster': case 'shutdown_cluster': case 'restart_sequence': return on(all);
    default: return [];
  }
}

// loss says what the applications lose with it.
function loss(pairs) {
  const worse = new Map();
  for (const [p] of pairs) {
    const gone = p.on.every((n) => pairs.some(([q, m]) => q === p && m === n));
    if (gone && p.required) worse.set(p.name.split(':')[0], [...(worse.get(p.name.split(':')[0]) || []), p.process]);
  }
  return [...worse].map(([a, list]) => `${a} will have a major failure meanwhile: ${list.join(', ')} ${list.length > 1 ? 'are' : 'is'} required.`);
}

export async function act(...requests) {
  requests = requests.map((r) => ({ target: '', node: '', strategy: '', args: '', signal: '', ...r }));
  const [first] = requests;
  if (!first) return;
  if (requests.length > 1 ? first.action !== 'start' : stops.has(first.action)) {
    const pairs = requests.flatMap(hit);
    const one = requests.length === 1;
    const name = one ? title(first) : `${verbs[first.action]} ${plural(requests.length, 'process', 'processes')}`;
    const say = loss(pairs);
    if (first.action === 'conciliate') say.unshift(`${first.strategy}: ${conciliations[first.strategy]}.`);
    if (typed.has(first.action) && first.node === state.cluster.self) say.push('This node serves this page.');
    if (pairs.length) say.push(`This ends ${plural(pairs.length, 'running process', 'running processes')}${first.action.startsWith('restart') ? ' and starts again what is configured to' : ''}:`);
    const list = pairs.length ? pairs.map(([p, n]) => `${p.name} on ${nick(n)}`) : one ? [] : requests.map((r) => r.target);
    const word = typed.has(first.action) && ((first.node && nick(first.node)) || state.cluster.name || 'cluster');
    if (!await ask({ title: `${name}?`, say, list, typed: word, danger: stops.has(first.action), verb: one && word ? verbs[first.action] : verbs[first.action].split(' ')[0] })) return;
  }
  send(requests);
}

let toasts = [];
let number = 0;

async function send(requests) {
  const toast = { key: ++number, requests, ids: new Map(), errors: new Map() };
  toasts = [...toasts, toast];
  touch('jobs');
  for (const r of requests) {
    try {
      const job = await post('jobs', r);
      toast.ids.set(r, job.id);
      if (!state.jobs.has(job.id)) enlist(job); // its events may have been faster
    } catch (e) {
      toast.errors.set(r, e.message);
    }
    touch('jobs');
  }
}

const dismiss = (t) => { toasts = toasts.filter((o) => o !== t); touch('jobs'); };

function result(t, r) {
  if (t.errors.has(r)) return { ...r, state: 'failed', text: t.errors.get(r), tail: '' };
  return state.jobs.get(t.ids.get(r)) || { ...r, state: 'asked', text: '', tail: '' };
}

export const Toasts = () => {
  useStore('jobs');
  return toasts.slice(-6).map((t) => html`<${Toast} key=${t.key} t=${t} />`);
};

function Toast({ t }) {
  const results = t.requests.map((r) => result(t, r));
  const bad = results.filter((r) => r.state === 'failed');
  const open = results.filter((r) => r.state === 'running' || r.state === 'asked');
  // What is being started can be stopped, as by its own button.
  const starts = open.filter((r) => r.action.startsWith('start')).map(({ action, target, node }) => ({ action: action.replace('start', 'stop'), target, node }));
  const all = open.length ? (results.length > 1 || open[0].state === 'running' ? 'running' : 'asked') : bad.length ? 'failed' : 'done';
  useEffect(() => {
    if (all !== 'done') return undefined;
    const timer = setTimeout(() => dismiss(t), 6000);
    return () => clearTimeout(timer);
  }, [all]);
  const one = results.length === 1;
  const head = one ? title(results[0]) : `${verbs[t.requests[0].action]}: ${results.length - open.length - bad.length} of ${results.length} done`;
  return html`<section class="toast ${all}">
    <div class="row"><${State} word=${all} /><b class="grow">${head}</b>
      <button type="button" class="b bare" aria-label=${`Dismiss: ${head}`} onClick=${() => dismiss(t)}><${Icon} name="cross" /></button></div>
    ${one ? html`<${Outcome} job=${results[0]} />` : bad.slice(0, 5).map((r) => html`<p><b>${r.target}</b></p><${Outcome} job=${r} />`)}
    ${bad.length > 5 && !one && html`<p>and ${bad.length - 5} more</p>`}
    ${starts.length > 0 && html`<${Act} does label=${`Cancel: stop ${starts.length > 1 ? plural(starts.length, 'process', 'processes') : starts[0].target || nick(starts[0].node)}`} onClick=${() => act(...starts)} />`}</section>`;
}

// Outcome is what came of a job, with the end of stderr when a start failed.
function Outcome({ job }) {
  const p = process(job.target);
  const href = p && job.state === 'failed' && processPath(p.name, { tab: 'log', node: job.node || p.where });
  return html`${job.text && html`<p>${job.text}</p>`}${job.tail && html`<pre class="tail" tabindex="0">${job.tail}</pre>`}
    ${href && html`<p><a href=${href}>Open the log of ${p.name}</a></p>`}`;
}

// Requests that need to know more.
const signals = ['HUP', 'USR1', 'USR2', 'TERM', 'INT', 'QUIT', 'CONT', 'STOP', 'KILL'];

export async function signal(targets, id = '') {
  const got = await ask({
    title: targets.length === 1 ? `Signal to ${targets[0]}` : `Signal to ${plural(targets.length, 'process', 'processes')}`,
    list: targets.length > 1 ? targets : [], fields: [{ name: 'signal', label: 'Signal', options: signals.map((s) => [s]) }], verb: 'Send',
  });
  if (got) send(targets.map((target) => ({ action: 'signal', target, node: id, strategy: '', args: '', signal: got.signal })));
}

export async function startWith(p, preset) {
  const here = p.at.filter((c) => node(c.node)?.state === 'RUNNING' && !c.disabled);
  const got = await ask({
    title: `Start ${p.name} with…`, verb: 'Start', fields: [
      { name: 'node', label: 'Where', options: [['', 'where the rules say'], ...here.map((c) => [c.node, `on ${nick(c.node)}`])],
        hint: 'On a node that you choose the rules do not apply.' },
      state.cluster.clustered && { name: 'strategy', label: 'Strategy', value: preset, options: Object.entries(strategies).map(([k, v]) => [k, `${k}: ${v}`]) },
      { name: 'args', label: 'Extra arguments', value: p.args, hint: 'Appended to the command of the program.' },
    ].filter(Boolean),
  });
  if (got) send([{ action: 'start', target: p.name, signal: '', strategy: '', ...got }]);
}

// The buttons of a process and of an application.

// What conflicts keep from being started leads to them.
const toConflicts = (label, icon, bare, name) => html`<a class=${bare ? 'b bare' : 'b'} data-do=${name} href="ui/conflicts" title=${`${label}: there are conflicts to solve first`}
  aria-label=${`${label}: there are conflicts to solve first`}><${Icon} name=${icon} />${bare ? '' : html`<span>${label}</span>`}</a>`;

const stuck = (why) => why && why === blocked() && why.startsWith('There are conflicts');

const kinds = {
  start: ['Start', 'start'], stop: ['Stop', 'stop'], restart: ['Restart', 'redo'], signal: ['Signal', 'right'], clear: ['Clear logs', 'square'],
};

// Deed is one action on a process; with a node id, on the copy there.
export function Deed({ action, p, id = '', bare, strategy = '', as }) {
  const [word, icon] = kinds[action];
  const label = bare ? title({ action, target: p.name, node: id }) : as || word;
  const why = whyNot(action, p, id);
  if (stuck(why)) return toConflicts(label, icon, bare, action);
  const run = () => (action === 'signal' ? signal([p.name], id) : act({ action, target: p.name, node: id, strategy: action === 'stop' ? '' : strategy }));
  return html`<${Act} does icon=${icon} label=${label} bare=${bare} why=${why} name=${action} onClick=${run} />`;
}

export const Deeds = ({ p, id, actions = ['start', 'stop', 'restart'], ...rest }) => actions.map((action) =>
  html`<${Deed} key=${action} action=${action} p=${p} id=${id} ...${rest} />`);

export function AppDeeds({ a, strategy = '', bare }) {
  return ['start', 'stop', 'restart'].map((k) => {
    const action = `${k}_application`;
    const [word, icon] = kinds[k];
    const label = bare ? `${word} application ${a.name}` : word;
    const why = whyNotApp(action, a);
    if (stuck(why)) return toConflicts(label, icon, bare, k);
    return html`<${Act} does key=${k} icon=${icon} label=${label} bare=${bare} why=${why} name=${k}
      onClick=${() => act({ action, target: a.name, strategy: k === 'stop' ? '' : strategy })} />`;
  });
}

// Questions: a <dialog> with what an action would do, and what it needs to know.
let question = null;

// ask resolves to the values of the fields, or to null when the answer is no. With typed, that word has to be typed first.
function ask(q) {
  return new Promise((resolve) => {
    question?.resolve(null);
    question = { ...q, resolve };
    touch('dialog');
  });
}

function answer(value) {
  question?.resolve(value);
  question = null;
  touch('dialog');
}

export function Dialogs() {
  useStore('dialog');
  return question && html`<${Question} key=${question} q=${question} />`;
}

const field = (f) => html`<label class="field"><span>${f.label}</span>${f.options
  ? html`<select name=${f.name}>${f.options.map(([v, text = v]) => html`<option value=${v} selected=${v === f.value}>${text}</option>`)}</select>`
  : html`<input name=${f.name} value=${f.value || ''} autocomplete="off" spellcheck=${false} />`}${f.hint && html`<small>${f.hint}</small>`}</label>`;

function Question({ q }) {
  const ref = useRef();
  const [word, setWord] = useState('');
  useLayoutEffect(() => { ref.current.showModal(); }, []); // the focus goes to what has autofocus; a key that is held does not answer
  const yes = (e) => {
    e.preventDefault();
    if (q.typed && word !== q.typed) return;
    const values = Object.fromEntries(new FormData(e.target));
    ref.current.close();
    answer(values);
  };
  return html`<dialog ref=${ref} aria-labelledby="question" onClose=${() => question === q && answer(null)}>
    <form onSubmit=${yes} onKeyDown=${(e) => e.repeat && e.key === 'Enter' && e.preventDefault()}>
      <h2 id="question">${q.title}</h2>
      ${(q.say || []).map((s) => html`<p>${s}</p>`)}
      ${q.list?.length > 0 && html`<ul class="scroll" tabindex="0" aria-label="What it is about">${q.list.map((s) => html`<li>${s}</li>`)}</ul>`}
      ${(q.fields || []).map(field)}
      ${q.typed && html`<label class="field"><span>Type <b>${q.typed}</b> to go on</span>
        <input autofocus value=${word} autocomplete="off" spellcheck=${false} onInput=${(e) => setWord(e.target.value)} /></label>`}
      <p class="answers"><button type="button" class="b" onClick=${() => ref.current.close()}>Cancel</button>
        <button autofocus=${!q.typed && !q.fields} class="b ${q.danger ? 'danger solid' : 'primary'}" aria-disabled=${q.typed && word !== q.typed ? 'true' : null}>${q.verb}</button></p>
    </form></dialog>`;
}
