// An application: its state with the reason, how its starts and stops went, its processes on each node. Then one of its processes: what it is
// in, why, and its log, statistics, events and configuration.
import { useLayoutEffect, useRef } from '../vendor/standalone.module.js';
import { html, Act, Choice, Empty, Head, Icon, State, Since, Strategy, Table, Tabs, NodeLink, AppLink, ProcessLink, Toggle, Nothing, names, processPath, span, time, useFetch } from '../ui.js';
import { useStore, app, nick, node, now, process, sequence, state } from '../store.js';
import { get, path, view } from '../router.js';
import { appOf, copyAt, failed, health, isUp, mainCopy, serves, tone } from '../facts.js';
import { AppDeeds, Deed, Deeds, act, startWith } from '../jobs.js';
import { Chart } from '../chart.js';
import { LastLines, LogView } from '../log.js';
import { useHistory } from './nodes.js';
import { Moments } from './events.js';
import { began, crashed, description } from './processes.js';

export function ApplicationPage({ args: [name], query }) {
  useStore('cluster', 'sequences');
  const a = app(name);
  useLayoutEffect(() => { get('sequences', { app: name }).then((r) => r.sequences.forEach(sequence), () => {}); }, [name]);
  if (!a) return html`<${Nothing} what="application" name=${name} />`;
  const strategy = query.strategy || a.strategy;
  const clustered = state.cluster.clustered && a.managed;
  const sequences = [...(state.sequences.get(name) || [])].reverse();
  const lanes = (q) => html`<${Lanes} key=${q.began} q=${q} />`;
  return html`<${Head} title=${a.name} acts=${html`<${AppDeeds} a=${a} strategy=${strategy} />
      ${clustered && html`<${Strategy} value=${strategy} own=${a.strategy} onChange=${(v) => view({ strategy: v === a.strategy ? '' : v })} /><a class="b" href=${path(['whatif'], { app: name, strategy })}>What if…</a>`}`}>
      <${State} word=${a.state} />${a.since > 0 && html`<span>for <${Since} t=${a.since} /></span>`}${health(a)[2] && html`<${State} word="" kind=${health(a)} as=${health(a)[2]} />`}
      ${!a.managed && state.cluster.clustered && html`<span class="badge">not managed by the rules</span>`}<//>
    ${a.verdict && html`<p class="note ${a.major ? 'bad' : a.minor ? 'warn' : ''}">${a.verdict}</p>`}
    ${clustered && html`<dl class="pairs">${[['Status formula', a.formula || 'none: major is a required process, minor any other'], ['Distribution', a.spread], ['Start, stop sequence', `${a.start}, ${a.stop}`],
      ['When a start fails', a.starting_failure_strategy], ['When a process crashes', a.running_failure_strategy]].filter(([, v]) => v).map(([k, v]) => html`<div><dt>${k}</dt><dd>${v}</dd></div>`)}</dl>`}
    ${sequences.length > 0 && html`<h2>Starts and stops</h2>${sequences.slice(0, 1).map(lanes)}${sequences.length > 1 && html`<details class="lanes"><summary>Earlier ones: ${sequences.length - 1}</summary>${sequences.slice(1).map(lanes)}</details>`}`}
    <div class="acts"><h2>Processes</h2><${Toggle} on=${query.copies} onClick=${() => view({ copies: query.copies ? '' : '1' })}>On each node<//></div>
    <${Table} label=${`Processes of ${a.name}`} heads=${['Process', 'State', 'Node', 'Remark', 'Sequence', 'Load', 'Actions']}>${a.processes.flatMap((p) => [
      html`<tr key=${p.name} data-row class=${p.conflict ? 'iswarn' : ''}><th scope="row"><${ProcessLink} name=${p.name} as=${p.process} />${p.required && html` <span class="badge">required</span>`}</th><td><${State} word=${p.state} /></td>
        <td>${p.conflict ? html`<a class="st warn" href="ui/conflicts"><${Icon} name="alert" />conflict: ${names(p.on)}</a>` : p.where && html`<${NodeLink} id=${p.where} />`}</td><td>${description(p)}</td>
        <td class="n">${p.start || ''}${p.wait_exit ? ' waits for its exit' : ''}</td><td class="n">${p.load ? `${p.load}%` : ''}</td>
        <td class="tools">${['start', 'stop', 'restart'].map((x) => html`<${Deed} action=${x} p=${p} strategy=${query.strategy} bare />`)}</td></tr>`,
      ...(query.copies || p.conflict || failed(p) ? p.at : []).map((c) => html`<tr key=${`${p.name} ${c.node}`} class="sub"><td></td><td><${State} word=${c.state} /></td><td><${NodeLink} id=${c.node} /></td>
        <td>${[c.error, c.disabled && 'disabled', isUp(c.state) && c.pid && `pid ${c.pid}, up for`].filter(Boolean).join(', ')} ${isUp(c.state) && html`<${Since} t=${c.started} />`}</td><td></td><td></td>
        <td class="tools">${isUp(c.state) ? html`<${Deed} action="stop" p=${p} id=${c.node} bare />` : html`<${Deed} action="start" p=${p} id=${c.node} bare />`}</td></tr>`)])}<//>`;
}

// Lanes draw a sequence: one lane for each number, a bar from the request to the state that it came to.
function Lanes({ q }) {
  useStore(q.ended ? 'never' : 'clock');
  const end = q.ended || now();
  const width = Math.max(0.1, end - q.began);
  const x = (t) => `${Math.max(0, Math.min(100, ((t - q.began) / width) * 100))}%`;
  const lanes = [...new Set(q.steps.map((s) => s.number))].sort((a, b) => (q.kind === 'stop' ? b - a : a - b));
  const bad = q.steps.filter((s) => tone(s.state)[1] === 'bad').length;
  return html`<details class="lanes" open=${now() - end < 600}><summary>${q.kind === 'stop' ? 'Stop' : 'Start'} at ${time(q.began)}, ${q.ended ? `took ${width.toFixed(1)} s` : `going on for ${span(width)}`}${bad > 0 && html` <${State} word="FATAL" as=${`${bad} failed`} />`}</summary>
    ${lanes.map((l) => html`<div class="lane"><b>${l}</b><ol aria-label=${`Sequence number ${l}`}>${q.steps.filter((s) => s.number === l).sort((s, t) => (s.began || end) - (t.began || end)).map((s) => html`<li key=${s.process}>
      <span class="what"><${ProcessLink} name=${s.process} as=${s.process.split(':').pop()} /> ${s.node && html`<span class="muted">${nick(s.node)}</span>`}</span>
      <span class="track">${s.began ? html`<span class="step ${tone(s.state)[1]}" style=${{ left: x(s.began), right: `calc(100% - ${x(s.ended || end)})` }} />` : ''}</span>
      <span class="came"><${State} word=${s.began ? s.state : 'asked'} as=${s.began ? s.state : 'waits'} /> ${s.began > 0 && html`<span class="n">${((s.ended || end) - s.began).toFixed(1)} s</span>`}${s.retries > 0 && html` <span class="n">${s.retries + 1} tries</span>`}${s.text && html` <span>${s.text}</span>`}</span></li>`)}</ol></div>`)}</details>`;
}

const tabs = [['Log', 'log'], ['Statistics', 'stats'], ['Events', 'events'], ['Configuration', 'config']];

export function ProcessPage({ args: [group, name = group], query }) {
  useStore('cluster');
  const p = process(`${group}:${name}`) || process(name);
  if (!p) return html`<${Nothing} what="process" name=${name} href="ui/processes" />`;
  const c = (query.node && copyAt(p, node(query.node)?.id)) || mainCopy(p);
  const id = c?.node || '';
  const tab = query.tab || 'log';
  return html`<${Head} title=${p.name} acts=${html`<${Deeds} p=${p} actions=${['start', 'stop', 'restart', 'signal', 'clear']} />
      <${Act} does label="Start with…" why=${isUp(p.state) ? `It is ${p.state} already` : ''} onClick=${() => startWith(p, appOf(p)?.strategy)} />`}>
      <span class="big"><${State} word=${p.state} /></span>${p.conflict ? html`<a class="st warn" href="ui/conflicts"><${Icon} name="alert" />conflict: on ${names(p.on)}</a>` : p.where && html`<span>on <${NodeLink} id=${p.where} /></span>`}
      ${began(p) > 0 && html`<span>pid ${copyAt(p, p.on[0])?.pid}, up for <${Since} t=${began(p)} /></span>`}<span>application <${AppLink} name=${group} /></span>
      ${p.starts > 0 && html`<span>came up ${p.starts === 1 ? 'once' : `${p.starts} times`}</span>`}${p.crashed && p.state === 'RUNNING' && html`<span class="st warn"><${Icon} name="alert" />${crashed}</span>`}${p.real !== p.state && html`<span>the nodes say ${p.real}</span>`}${p.extra_args && html`<span>extra arguments: <code>${p.extra_args}</code></span>`}<//>
    ${description(p) && html`<p class="note ${failed(p) ? 'bad' : ''}">${description(p)}</p>`}
    ${failed(p) && c && html`<${LastLines} key=${p.name + c.stopped} node=${id} process=${p.name} channels=${['stderr', 'stdout'].filter((k) => c[k])} count=${20} />`}
    <${Tabs} label="Views of the process" tabs=${tabs.map(([label, t]) => [label, processPath(p.name, { node: query.node, tab: t }), t === tab])} />
    ${!c ? html`<${Empty}>No node has it configured.<//>` : tab === 'stats' ? html`<${Curves} key=${id} id=${id} name=${p.name} />` : tab === 'events' ? html`<${Moments} filter=${{ process: p.name }} />`
    : tab === 'config' ? html`<${Config} p=${p} id=${id} />` : html`<${Logs} key=${id} p=${p} c=${c} query=${query} />`}`;
}

const Where = ({ p, id }) => p.at.length > 1 && html`<${Choice} label="Node" value=${id} options=${p.at.map((x) => [x.node, `${nick(x.node)}: ${x.state}`])} onChange=${(v) => view({ node: nick(v) })} />`;

// Logs shows stdout first; both channels from a failure on, the reason of which is on stderr. What a reader has chosen stays.
function Logs({ p, c, query }) {
  const trouble = useRef(false);
  trouble.current ||= failed(p) || p.state === 'BACKOFF';
  const has = ['stdout', 'stderr'].filter((k) => c[k]);
  const where = html`<${Where} p=${p} id=${c.node} />`;
  if (!has.length) return html`<div class="acts">${where}</div><${Empty}>It has no log: stdout_logfile and stderr_logfile are NONE.<//>`;
  if (!serves(node(c.node) || {})) return html`<div class="acts">${where}</div><${Empty}>${nick(c.node)} is not there, nor is its log.<//>`;
  const wanted = query.channel || (trouble.current ? 'both' : '');
  const channels = has.includes(wanted) ? [wanted] : wanted === 'both' ? has : has.slice(0, 1);
  return html`<${LogView} key=${[p.name, c.node, ...channels].join()} node=${c.node} process=${p.name} channels=${channels} query=${query}>${where}
    <${Choice} label="Channel" value=${channels.length > 1 ? 'both' : channels[0]} options=${[...has.map((k) => [k]), ...(has.length > 1 ? [['both', 'both']] : [])]} onChange=${(v) => view({ channel: v })} /><//>`;
}

function Curves({ id, name }) {
  const { samples, error } = useHistory(id, name);
  if (error) return html`<${Empty}>${error}. Statistics come with stats_enabled in [rpcinterface:supvisors].<//>`;
  const mine = samples.filter((s) => s.processes?.[name]);
  if (!mine.length) return html`<${Empty}>There is no sample of it yet.<//>`;
  const column = (i) => [mine.map((s) => s.time), mine.map((s) => s.processes[name][i])];
  return html`<div class="charts"><${Chart} title="Processor" unit="% of a core" names=${['CPU']} data=${column(0)} /><${Chart} title="Memory" unit="%" names=${['MEM']} data=${column(1)} /></div>`;
}

export const Rules = ({ rules, of }) => html`<${Table} label=${`Rules of ${of}`} heads=${['Rule', 'Value', 'Given by']}>${rules.map((r) => html`<tr><th scope="row">${r.rule}</th><td>${String(r.value)}</td><td>${r.by}</td></tr>`)}<//>`;

function Config({ p, id }) {
  const { value, error } = useFetch(() => get('config', { node: id, process: p.name }), [id, p.name]);
  if (error) return html`<${Empty}>${error}<//>`;
  if (!value) return html`<${Empty}>One moment…<//>`;
  const off = copyAt(p, id)?.disabled;
  return html`<div class="acts"><${Where} p=${p} id=${id} /><${Act} does label=${off ? 'Enable the program' : 'Disable the program'} danger=${!off} onClick=${() => act({ action: off ? 'enable' : 'disable', target: p.program, node: id })} /></div>
    ${value.notes.map((n) => html`<p class="note">${n}</p>`)}<h2>Program</h2>${value.file && html`<p>Configured at <code>${value.file}</code></p>`}
    <${Table} label="Program" heads=${['Option', 'Value']}>${value.program.map(([k, v]) => html`<tr><th scope="row">${k}</th><td><code>${v}</code></td></tr>`)}<//>
    ${value.rules.length > 0 && html`<h2>Rules</h2><${Rules} of=${p.name} rules=${value.rules} />`}`;
}
