// A process: what it is in, why, and its log, statistics, events and configuration.
import { html, Act, Choice, Head, Icon, State, Since, Table, Tabs, NodeLink, AppLink, Empty, Nothing, names, processPath, useFetch } from '../ui.js';
import { useStore, node, process, nick } from '../store.js';
import { get, view } from '../router.js';
import { copyAt, failed, isUp, mainCopy, serves, strategies, appOf } from '../facts.js';
import { Deeds, act, startWith } from '../jobs.js';
import { Chart } from '../chart.js';
import { LogView } from '../log.js';
import { useHistory } from './node.js';
import { Moments } from './events.js';
import { description, began } from './processes.js';

const tabs = [['Log', 'log'], ['Statistics', 'stats'], ['Events', 'events'], ['Configuration', 'config']];

export function ProcessPage({ args: [group, name = group], query }) {
  useStore('cluster');
  const p = process(`${group}:${name}`) || process(name);
  if (!p) return html`<${Nothing} what="process" name=${name} href="ui/processes" />`;
  const c = (query.node && copyAt(p, node(query.node)?.id)) || mainCopy(p);
  const id = c?.node || '';
  const tab = query.tab || 'log';
  return html`<${Head} title=${p.name} acts=${html`<${Deeds} p=${p} actions=${['start', 'stop', 'restart', 'signal', 'clear']} />
      <${Act} label="Start with…" why=${isUp(p.state) ? `It is ${p.state} already` : ''} onClick=${() => startWith(p, strategies, appOf(p)?.strategy)} />`}>
      <span class="big"><${State} word=${p.state} /></span>${p.conflict ? html`<a class="st warn" href="ui/conflicts"><${Icon} name="alert" />conflict: on ${names(p.on)}</a>` : p.where && html`<span>on <${NodeLink} id=${p.where} /></span>`}
      ${isUp(p.state) && html`<span>pid ${copyAt(p, p.on[0])?.pid}, up for <${Since} t=${began(p)} /></span>`}<span>application <${AppLink} name=${group} /></span>
      ${p.starts > 0 && html`<span>came up ${p.starts === 1 ? 'once' : `${p.starts} times`}</span>`}${p.crashed && html`<span class="st warn"><${Icon} name="alert" />has crashed before</span>`}${p.real !== p.state && html`<span>the nodes say ${p.real}</span>`}${p.extra_args && html`<span>extra arguments: <code>${p.extra_args}</code></span>`}<//>
    ${description(p) && html`<p class="note ${failed(p) ? 'bad' : ''}">${description(p)}</p>`}
    ${failed(p) && c?.stderr && html`<${LastWords} key=${p.name + c.stopped} node=${id} process=${p.name} />`}
    <${Tabs} label="Views of the process" tabs=${tabs.map(([label, t]) => [label, processPath(p.name, { node: query.node, tab: t }), t === tab])} />
    ${!c ? html`<${Empty}>No node has it configured.<//>` : tab === 'stats' ? html`<${Curves} key=${id} id=${id} name=${p.name} />` : tab === 'events' ? html`<${Moments} filter=${{ process: p.name }} />`
    : tab === 'config' ? html`<${Config} p=${p} id=${id} />` : html`<${Logs} p=${p} c=${c} query=${query} />`}`;
}

const Where = ({ p, id }) => p.at.length > 1 && html`<${Choice} label="Node" value=${id} options=${p.at.map((x) => [x.node, `${nick(x.node)}: ${x.state}`])} onChange=${(v) => view({ node: nick(v) })} />`;

// LastWords is the end of stderr after a failure.
function LastWords(where) {
  const { value } = useFetch(() => get('log', { ...where, channel: 'stderr', limit: 4096 }), []);
  const lines = value?.text?.trimEnd().split('\n').slice(-20).join('\n').replace(/\x1b\[[\d;]*m/g, '');
  return lines ? html`<h2>Last lines of stderr</h2><pre class="tail" tabindex="0">${lines}</pre>` : null;
}

function Logs({ p, c, query }) {
  const has = ['stdout', 'stderr'].filter((k) => c[k]);
  const where = html`<${Where} p=${p} id=${c.node} />`;
  if (!has.length) return html`<div class="acts">${where}</div><${Empty}>It has no log: stdout_logfile and stderr_logfile are NONE.<//>`;
  if (!serves(node(c.node) || {})) return html`<div class="acts">${where}</div><${Empty}>${nick(c.node)} is not there, nor is its log.<//>`;
  const channels = has.includes(query.channel) ? [query.channel] : query.channel === 'both' ? has : has.slice(0, 1);
  return html`<${LogView} key=${[p.name, c.node, ...channels].join()} node=${c.node} process=${p.name} channels=${channels} query=${query}>${where}
    <${Choice} label="Channel" value=${channels.length > 1 ? 'both' : channels[0]} options=${[...has.map((k) => [k]), ...(has.length > 1 ? [['both', 'both']] : [])]} onChange=${(v) => view({ channel: v })} /><//>`;
}

function Curves({ id, name }) {
  const { samples, error } = useHistory(id, name);
  if (error) return html`<${Empty}>${error}. Statistics come with stats_enabled in [rpcinterface:supvisors].<//>`;
  const mine = samples.filter((s) => s.processes?.[name]);
  if (!mine.length) return html`<${Empty}>There is no sample of it yet.<//>`;
  const column = (i) => [samples.map((s) => s.time), samples.map((s) => s.processes?.[name]?.[i] ?? null)];
  return html`<div class="charts"><${Chart} title="Processor" unit="% of a core" names=${['CPU']} data=${column(0)} /><${Chart} title="Memory" unit="%" names=${['MEM']} data=${column(1)} /></div>`;
}

export const Rules = ({ rules, of }) => html`<${Table} label=${`Rules of ${of}`} heads=${['Rule', 'Value', 'Given by']}>${rules.map((r) => html`<tr><th scope="row">${r.rule}</th><td>${String(r.value)}</td><td>${r.by}</td></tr>`)}<//>`;

function Config({ p, id }) {
  const { value, error } = useFetch(() => get('config', { node: id, process: p.name }), [id, p.name]);
  if (error) return html`<${Empty}>${error}<//>`;
  if (!value) return html`<${Empty}>One moment…<//>`;
  const off = copyAt(p, id)?.disabled;
  return html`<div class="acts"><${Where} p=${p} id=${id} /><${Act} label=${off ? 'Enable the program' : 'Disable the program'} danger=${!off} onClick=${() => act({ action: off ? 'enable' : 'disable', target: p.program, node: id })} /></div>
    ${value.notes.map((n) => html`<p class="note">${n}</p>`)}<h2>Program</h2>
    <${Table} label="Program" heads=${['Option', 'Value']}>${value.program.map(([k, v]) => html`<tr><th scope="row">${k}</th><td><code>${v}</code></td></tr>`)}<//>
    ${value.rules.length > 0 && html`<h2>Rules</h2><${Rules} of=${p.name} rules=${value.rules} />`}`;
}
