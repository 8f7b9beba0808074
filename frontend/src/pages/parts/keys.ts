/** Keys of a page: outside text fields only, listed by `?`, and they can be turned off. No key signs or deletes. */
import { each, html, type Html } from '../../domain/html';
import { kbd } from '../../domain/markup';
import { fill, isTextField } from './dom';

export interface KeyBinding {
  keys: readonly string[];
  label: string;
  run?: (event: KeyboardEvent) => void;
  /** Shown in the list under this head. */
  group?: string;
}

const NAMES: Record<string, string> = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→', ' ': 'Space', Escape: 'Esc' };
const STORE = 'single-keys-off';
const EVERYWHERE: KeyBinding[] = [
  { keys: ['?'], label: 'this list', group: 'Everywhere' },
  { keys: ['Tab'], label: 'next control', group: 'Everywhere' },
  { keys: ['Escape'], label: 'close, cancel', group: 'Everywhere' },
  { keys: ['Alt', 'A'], label: 'to the next action', group: 'Everywhere' },
  { keys: ['Alt', 'I'], label: 'inspector, on narrow screens', group: 'Everywhere' },
];
const bindings: KeyBinding[] = [...EVERYWHERE];
let isListening = false;

export function areKeysOff(): boolean {
  try { return window.localStorage.getItem(STORE) === 'true'; } catch { return false; }
}

function setKeysOff(isOff: boolean): void {
  try { window.localStorage.setItem(STORE, String(isOff)); } catch { /* a private window may forbid storage; the choice lasts for this page */ }
  document.documentElement.dataset.keys = isOff ? 'off' : 'on';
}

/** Adds keys of this page; letters match in either case. */
export function bindKeys(added: readonly KeyBinding[]): void {
  bindings.push(...added);
  if (isListening) return;
  isListening = true;
  document.addEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target)) return;
  if (document.querySelector('dialog[open]')) return;
  if (event.key === '?') { event.preventDefault(); showKeys(); return; }
  const isLetter = event.key.length === 1;
  if (isLetter && areKeysOff()) return;
  const binding = bindings.find(({ keys, run }) => run && keys.some((key) => key.toLowerCase() === event.key.toLowerCase()));
  if (!binding?.run) return;
  const isControl = (event.target as Element | null)?.closest('button, a, summary, [role="option"]');
  if (isControl && ['Enter', ' '].includes(event.key)) return;
  event.preventDefault();
  binding.run(event);
}

export function keyList(shown: readonly KeyBinding[]): Html {
  const groups = [...new Set(shown.map((binding) => binding.group ?? 'This page'))];
  return html`${each(groups, (group) => html`<section class="mb-3"><h3 class="h2 mb-2">${group}</h3><div class="keys">${each(
    shown.filter((binding) => (binding.group ?? 'This page') === group),
    ({ keys, label }) => html`<div><span>${each(keys, (key) => kbd(NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key)))}</span><span>${label}</span></div>`,
  )}</div></section>`)}`;
}

/** Opens the list of all keys of this page. */
export function showKeys(): void {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-label', 'Keys');
  fill(dialog, html`<form method="dialog"><div class="dialog-head"><h2 class="h3">Keys</h2></div>
    <div class="dialog-body">${keyList(bindings)}<label class="row"><input type="checkbox" name="off"> Turn single-letter keys off</label></div>
    <div class="dialog-foot"><button class="btn primary" autofocus>Close</button></div></form>`);
  const off = dialog.querySelector<HTMLInputElement>('[name="off"]');
  if (off) {
    off.checked = areKeysOff();
    off.addEventListener('change', () => setKeysOff(off.checked));
  }
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
