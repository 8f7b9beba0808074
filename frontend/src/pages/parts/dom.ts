/** The few ways in which pages touch the document. */
import type { Html } from '../../domain/html';

/** The element with an id; a page without it is broken, so this throws. */
export function need<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}.`);
  return element as Kind;
}

/** Replaces the content of an element; widths and positions go through CSSOM because inline styles are forbidden. */
export function fill(element: Element, content: Html): void {
  element.innerHTML = content.text;
  applyMeasures(element);
}

/** Fills an element again; the focus stays on the control with the same data-key. */
export function refill(element: Element, content: Html): void {
  const key = element.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset.key : undefined;
  fill(element, content);
  if (key) element.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

/** Applies data-width and data-left (percent) and data-rows of everything inside an element. */
export function applyMeasures(root: Element): void {
  for (const item of root.querySelectorAll<HTMLElement>('[data-width]')) item.style.width = `${clamp(item.dataset.width)}%`;
  for (const item of root.querySelectorAll<HTMLElement>('[data-left]')) item.style.left = `${clamp(item.dataset.left)}%`;
}

function clamp(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), 100) : 0;
}

type Events = HTMLElementEventMap;

/** Listens on `root` for events of elements that match a selector, also of those that come later. */
export function on<Name extends keyof Events>(
  root: EventTarget, name: Name, selector: string, run: (target: HTMLElement, event: Events[Name]) => void,
): void {
  root.addEventListener(name, (event) => {
    const target = (event.target as Element | null)?.closest<HTMLElement>(selector);
    if (target) run(target, event as Events[Name]);
  });
}

/** Fields of a form as text; files are left out. */
export function formValues(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Runs a function when calls have paused for a while. */
export function debounced<Arguments extends unknown[]>(run: (...values: Arguments) => void, pauseMs: number): (...values: Arguments) => void {
  let timer = 0;
  return (...values) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => run(...values), pauseMs);
  };
}

export function isTextField(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  if (!element) return false;
  if (element instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range'].includes(element.type);
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement || element.isContentEditable;
}

/** Saves text as a file of the reader. */
export function download(name: string, type: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
