// What a reader prefers, kept in the browser.
import { touch } from './store.js';

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
