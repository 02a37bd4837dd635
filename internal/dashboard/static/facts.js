// What states mean to an operator, and what can be done in them. Nothing here draws or asks.
import { state, node, nick, app } from './store.js';

// Each state has an icon and a tone beside its word, so that colour is never alone.
const tones = {
  RUNNING: ['dot', 'good'], STARTING: ['half', 'busy'], BACKOFF: ['redo', 'warn'], STOPPING: ['half', 'busy'], STOPPED: ['square', 'idle'],
  EXITED: ['check', 'idle'], FATAL: ['cross', 'bad'], UNKNOWN: ['what', 'bad'],
  CHECKING: ['half', 'busy'], CHECKED: ['half', 'busy'], FAILED: ['cross', 'bad'], ISOLATED: ['cross', 'bad'], LOST: ['cross', 'bad'],
  OPERATION: ['dot', 'good'], CONCILIATION: ['alert', 'warn'], RESTARTING: ['redo', 'warn'], RESTART: ['redo', 'warn'],
  SHUTTING_DOWN: ['square', 'warn'], SHUTDOWN: ['square', 'warn'], OFF: ['square', 'idle'],
  done: ['check', 'good'], failed: ['cross', 'bad'], running: ['half', 'busy'], asked: ['half', 'busy'],
  info: ['dot', 'idle'], good: ['check', 'good'], warn: ['alert', 'warn'], bad: ['cross', 'bad'],
};
export const tone = (word) => tones[word] || ['half', 'busy'];

export const meanings = {
  RUNNING: 'It is up', STARTING: 'It has been started and has not been up for startsecs yet',
  BACKOFF: 'It ended too early and will be started again', STOPPING: 'It has been told to stop', STOPPED: 'It was stopped, or never started',
  EXITED: 'It has ended by itself', FATAL: 'It could not be started', UNKNOWN: 'Nobody knows',
};

export const processStates = ['FATAL', 'UNKNOWN', 'BACKOFF', 'STARTING', 'STOPPING', 'RUNNING', 'EXITED', 'STOPPED'];
export const strategies = {
  CONFIG: 'the first node of the rules that has room', LESS_LOADED: 'the node with the lowest load',
  MOST_LOADED: 'the node with the highest load that has room', LOCAL: 'the node that answers',
  LESS_LOADED_NODE: 'as LESS_LOADED, on the machine with the lowest load',
  MOST_LOADED_NODE: 'as MOST_LOADED, on the machine with the highest load',
};
export const conciliations = {
  SENICIDE: 'keeps the youngest copy, stops the others', INFANTICIDE: 'keeps the oldest copy, stops the others', USER: 'leaves it to you',
  STOP: 'stops all copies', RESTART: 'stops all copies, then starts one where the rules say',
  RUNNING_FAILURE: 'stops all copies, then applies the running_failure_strategy',
};

export const isUp = (s) => s === 'RUNNING' || s === 'STARTING' || s === 'BACKOFF';
export const copyAt = (p, id) => p.at.find((c) => c.node === id);
export const mainCopy = (p) => copyAt(p, p.where) || p.at.find((c) => isUp(c.state)) || p.at[0];
export const appOf = (p) => app(p.name.split(':')[0]);

// failed is what an operator has to look at.
export function failed(p) {
  if (p.state === 'EXITED') return mainCopy(p)?.expected === false;
  return p.state === 'FATAL' || p.state === 'UNKNOWN';
}

// missing: the rules start it with its application, and it is not there.
export function missing(p, a) {
  return a.managed && p.start > 0 && (p.state === 'STOPPED' || p.state === 'UNKNOWN' || failed(p));
}

// planned is the node in whose column a process that is not up stands.
export function planned(p) {
  return p.where || (p.allowed.includes('*') ? p.at[0]?.node : p.allowed.map(node).find(Boolean)?.id) || p.at[0]?.node || '';
}

export const serves = (n) => n.state === 'RUNNING';
// lost: it was there, and nobody has sent it away.
export const lost = (n) => !serves(n) && (n.missed !== '' || n.held.length > 0 || n.state === 'FAILED' || n.state === 'ISOLATED');
export const nodeWord = (n) => (lost(n) && n.state === 'STOPPED' ? 'LOST' : n.state);

// health sums an application up: [icon, tone, sentence].
export function health(a) {
  if (a.major) return ['cross', 'bad', 'major failure'];
  if (a.minor) return ['alert', 'warn', 'minor failure'];
  return [...tone(a.state), a.state === 'RUNNING' ? 'operational' : ''];
}

export function counts() {
  const c = { up: 0, all: 0, failed: 0, starting: 0, conflicts: 0, lost: state.nodes.filter(lost).length };
  for (const p of state.processes.values()) {
    c.all++;
    if (p.state === 'RUNNING') c.up++;
    if (failed(p)) c.failed++;
    if (p.state === 'STARTING' || p.state === 'BACKOFF') c.starting++;
    if (p.conflict) c.conflicts++;
  }
  return c;
}

// readOnly is why this user cannot act, "" for one who can.
export const readOnly = 'readOnly' in document.documentElement.dataset ? 'This user may only read' : '';

// blocked is why nothing can be started by the rules at the moment, "" when it can.
export function blocked() {
  const { clustered, state: s } = state.cluster;
  if (!clustered || s === 'OPERATION') return '';
  return s === 'CONCILIATION' ? 'There are conflicts to solve first' : `Supvisors is in ${s}`;
}

// whyNot is the reason for which an action makes no sense now, "" when it does. With a node it is about the copy there.
export function whyNot(action, p, id = '') {
  const copy = id ? copyAt(p, id) : mainCopy(p);
  const s = id ? copy?.state : p.state;
  if (id && !copy) return `Not configured on ${nick(id)}`;
  if (id && !serves(node(id) || {})) return `${nick(id)} is not there`;
  switch (action) {
    case 'start':
      if (isUp(s)) return `It is ${s} already`;
      if (s === 'STOPPING') return 'It is being stopped';
      if (id ? copy.disabled : p.at.length > 0 && p.at.every((c) => c.disabled)) return 'The program is disabled';
      return id ? '' : blocked();
    case 'stop':
      if (s === 'STOPPING') return 'It is being stopped already';
      return isUp(s) ? '' : `It is not up: ${s}`;
    case 'restart':
      return isUp(s) ? (id ? '' : blocked()) : `It is not up: ${s}`;
    case 'signal':
      return s === 'RUNNING' || s === 'STARTING' || s === 'STOPPING' ? '' : `It is not up: ${s}`;
    case 'clear':
      return copy?.stdout || copy?.stderr ? '' : 'It has no log';
    default:
      return '';
  }
}

export function whyNotApp(action, a) {
  const up = a.processes.some((p) => isUp(p.state));
  if (action === 'stop_application') return up ? '' : 'Nothing of it is up';
  if (action === 'restart_application' && !up) return 'Nothing of it is up';
  if (action === 'start_application') {
    if (a.processes.every((p) => isUp(p.state))) return 'All of it is up already';
    if (a.managed && a.processes.every((p) => p.start <= 0)) return 'Its rules give no process a start_sequence';
  }
  return blocked();
}
