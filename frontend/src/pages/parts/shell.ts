/** Starts a page: what its shell says about user, site and case, the account menu, theme and step rail. */
import { getJson } from '../../api/client';
import { useTimeZone } from '../../domain/dates';
import { html } from '../../domain/html';
import { icon } from '../../domain/markup';
import { fill, need, on } from './dom';
import { areKeysOff, bindKeys, showKeys } from './keys';

export interface Page {
  root: HTMLElement;
  cycleId: string;
  courseId: string;
  patientId: string;
  siteId: string;
  userId: string;
  isAllowed: (action: string) => boolean;
  ready: () => void;
}

export interface Step {
  key: string;
  label: string;
  state: string;
  reason: string;
  url: string;
}

export function startPage(): Page {
  const root = need('page');
  const { cycle = '', course = '', patient = '', site = '', user = '', allowed = '', timeZone } = root.dataset;
  useTimeZone(timeZone);
  const granted = new Set(allowed.toLowerCase().split(' '));
  document.documentElement.dataset.keys = areKeysOff() ? 'off' : 'on';
  startMenu();
  startDrawer(root);
  startSkip(root);
  bindKeys([]);
  return {
    root, cycleId: cycle, courseId: course, patientId: patient, siteId: site, userId: user,
    isAllowed: (action) => granted.has(action.toLowerCase()),
    ready: () => { root.dataset.ready = 'true'; },
  };
}

function startMenu(): void {
  const menu = document.getElementById('account-menu') as HTMLDetailsElement | null;
  if (!menu) return;
  on(menu, 'click', '[data-theme-choice]', (button) => chooseTheme(button.dataset.themeChoice ?? 'dark'));
  on(menu, 'click', '[data-keys-overlay]', (_, event) => { event.preventDefault(); menu.open = false; showKeys(); });
  document.addEventListener('click', (event) => { if (!menu.contains(event.target as Node)) menu.open = false; });
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { menu.open = false; menu.querySelector('summary')?.focus(); }
  });
}

/** On narrow screens the inspector is a drawer: its button, and Alt+I, open and close it. */
function startDrawer(root: HTMLElement): void {
  const button = document.getElementById('drawer-button');
  if (!button || !root.querySelector(':scope > .side')) return;
  button.hidden = false;
  const toggle = (): void => button.setAttribute('aria-expanded', String(root.classList.toggle('drawer-open')));
  button.addEventListener('click', toggle);
  document.addEventListener('keydown', (event) => {
    if (event.altKey && event.key.toLowerCase() === 'i') { event.preventDefault(); toggle(); }
  });
}

/** The actions stand in the inspector, behind tools, panes and lists: one link, and Alt+A, lead to the next thing to do. */
function startSkip(root: HTMLElement): void {
  const link = document.getElementById('skip-actions');
  if (!link || !root.querySelector('.side')) return;
  link.hidden = false;
  const goes = (event: Event): void => {
    const find = (selector: string): HTMLElement | null => root.querySelector<HTMLElement>(`.side ${selector}`);
    const first = find('.btn.primary:not([disabled])') ?? find('.btn:not([disabled])') ?? find('a, button, input');
    if (!first) return;
    event.preventDefault();
    first.focus();
  };
  link.addEventListener('click', goes);
  document.addEventListener('keydown', (event) => {
    if (event.altKey && event.code === 'KeyA' && !document.querySelector('dialog[open]')) goes(event);
  });
}

function chooseTheme(theme: string): void {
  document.documentElement.dataset.theme = theme;
  try { window.localStorage.setItem('theme', theme); } catch { /* storage may be forbidden; the theme lasts for this page */ }
  document.dispatchEvent(new Event('themechange'));
}

/** Says in the strip, in two or three words, whether work is saved; announced to screen readers. Why not stands beside the work. */
export function showSaveState(text: string, level: 'ok' | 'block' | 'note' = 'ok'): void {
  const glyph = level === 'ok' ? 'check' : level === 'block' ? 'block' : 'clock';
  fill(need('save-state'), html`${icon(glyph, 's')}<span>${text}</span>`);
}

/** Reads the cycle again and brings the step rail up to date. */
export async function refreshSteps(cycleId: string): Promise<void> {
  const cycle = await getJson<{ steps: Step[] }>(`/api/cycles/${cycleId}`);
  cycle.steps.forEach((step, i) => {
    const link = document.querySelector<HTMLElement>(`.rail [data-step="${step.key}"]`);
    if (!link) return;
    link.dataset.s = step.state;
    link.title = step.reason;
    const dot = link.querySelector('.dot');
    const hidden = link.querySelector('.visually-hidden');
    if (hidden) hidden.textContent = `, ${step.state}`;
    if (!dot) return;
    if (step.state === 'done') fill(dot, icon('check', 's'));
    else if (step.state === 'stale') fill(dot, icon('stale', 's'));
    else dot.textContent = ['ask', 'blocked'].includes(step.state) ? '!' : String(i + 1);
  });
}
